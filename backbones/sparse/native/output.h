// Outputs: target row += source row · weight.

#pragma once

#include "common.h"

namespace {

template <int V>
void multiply_panel(const float* x, float* y, const float* weight, const Pairs& pairs, int64_t first, int64_t last,
                    int64_t depth, int64_t width, int64_t valid) {
  constexpr int R = rows_at_once(V);
  const float* input[R];
  for (int64_t p = first; p < last; p += R) {
    for (int r = 0; r < R; r++) {
      // Past the end the last row is multiplied again, and the product dropped.
      input[r] = x + pairs.sources[std::min(p + r, last - 1)] * depth;
      __builtin_prefetch(x + pairs.sources[std::min(p + r + R, last - 1)] * depth);
    }
    Vector sum[R][V] = {};
    for (int64_t c = 0; c < depth; c++) {
      Vector row[V];
      for (int v = 0; v < V; v++) row[v] = load(weight + (c * V + v) * LANES);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) sum[r][v] += input[r][c] * row[v];
    }
    int64_t rows = std::min<int64_t>(R, last - p);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
      if (r < rows) join<V>(y + pairs.targets[p + r] * width, sum[r], valid);
  }
}

using Multiply = decltype(&multiply_panel<1>);

template <int V = PANEL_VECTORS>
Multiply multiply_for(int64_t vectors) {
  if constexpr (V > 1)
    if (vectors < V) return multiply_for<V - 1>(vectors);
  return multiply_panel<V>;
}

// The weight of one offset, panel by panel, its last vector filled up with zeros.
void pack(const float* weight, float* packed, int64_t depth, int64_t width, bool transposed) {
  int64_t padded = divide_up(width, LANES) * LANES;
  for (int64_t left = 0; left < padded; left += PANEL) {
    int64_t columns = std::min<int64_t>(PANEL, padded - left), valid = std::min(columns, width - left);
    for (int64_t c = 0; c < depth; c++, packed += columns)
      for (int64_t i = 0; i < valid; i++)
        packed[i] = transposed ? weight[(left + i) * depth + c] : weight[c * width + left + i];
  }
}

// Visit the panels of a block of target rows, offset by offset: (offset, first and last pair, left column, columns).
template <typename Visit>
void each_panel(const Pairs& pairs, int64_t top, int64_t bottom, int64_t padded, const Visit& visit) {
  for (int64_t k = 0; k < pairs.offsets(); k++) {
    int64_t first = pairs.reach(k, top), last = pairs.reach(k, bottom);
    for (int64_t left = 0; left < padded && first < last; left += PANEL)
      visit(k, first, last, left, std::min<int64_t>(PANEL, padded - left));
  }
}

void multiply(const float* x, const float* weight, const Pairs& pairs, float* y, int64_t depth, int64_t width,
              bool transposed, int64_t threads) {
  int64_t padded = divide_up(width, LANES) * LANES, block = block_rows(depth + width);
  threads = useful_threads(threads, pairs.size() * depth * width);
  std::vector<CacheLine> memory(divide_up(pairs.offsets() * depth * padded, 16));
  float* packed = reinterpret_cast<float*>(memory.data());
  expect_writes(y, y + pairs.target_rows * width);
  in_parallel(pairs.offsets(), threads, [&](int64_t k) {
    pack(weight + k * depth * width, packed + k * depth * padded, depth, width, transposed);
  });
  in_parallel(divide_up(pairs.target_rows, block), threads, [&](int64_t part) {
    int64_t top = part * block, bottom = std::min(top + block, pairs.target_rows);
    std::fill(y + top * width, y + bottom * width, 0.0f);
    each_panel(pairs, top, bottom, padded, [&](int64_t k, int64_t first, int64_t last, int64_t left, int64_t columns) {
      const float* panel = packed + k * depth * padded + left * depth;
      multiply_for(columns / LANES)(x, y + left, panel, pairs, first, last, depth, width,
                                    std::min(columns, width - left));
    });
  });
}

// The products that `multiply` computes: with rows multiplied again at the end of a panel, and columns of zeros.
int64_t products(const Pairs& pairs, int64_t depth, int64_t width) {
  int64_t padded = divide_up(width, LANES) * LANES, block = block_rows(depth + width), total = 0;
  for (int64_t top = 0; top < pairs.target_rows; top += block) {
    int64_t bottom = std::min(top + block, pairs.target_rows);
    each_panel(pairs, top, bottom, padded, [&](int64_t, int64_t first, int64_t last, int64_t, int64_t columns) {
      int64_t at_once = rows_at_once(static_cast<int>(columns / LANES));
      total += divide_up(last - first, at_once) * at_once * columns * depth;
    });
  }
  return total;
}

}  // namespace
