// Weight gradients: weight[k] += source rowᵀ · target row.

#pragma once

#include "common.h"

namespace {

// Sum R columns of x times a panel of g over up to CHUNK pairs, then add them to `total`.
template <int R, int V>
inline void outer_sum(const float* const* x, const float* const* g, int64_t pairs, float* total, int64_t stride,
                      int64_t valid, int64_t i) {
  Vector sum[R][V] = {};
  for (int64_t p = 0; p < pairs; p++) {
    Vector row[V];
    for (int v = 0; v < V; v++) row[v] = load(g[p] + v * LANES);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) sum[r][v] += x[p][i + r] * row[v];
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) join<V>(total + (i + r) * stride, sum[r], valid);
}

template <int V>
void outer_panel(const float* const* x, const float* const* g, int64_t pairs, float* total, int64_t stride,
                 int64_t valid, int64_t height) {
  constexpr int R = rows_at_once(V);
  int64_t i = 0;
  for (; i + R <= height; i += R) outer_sum<R, V>(x, g, pairs, total, stride, valid, i);
  for (; i + 2 <= height; i += 2) outer_sum<2, V>(x, g, pairs, total, stride, valid, i);
  for (; i < height; i++) outer_sum<1, V>(x, g, pairs, total, stride, valid, i);
}

using Outer = decltype(&outer_panel<1>);

template <int V = PANEL_VECTORS>
Outer outer_for(int64_t vectors) {
  if constexpr (V > 1)
    if (vectors < V) return outer_for<V - 1>(vectors);
  return outer_panel<V>;
}

struct Tile {
  int64_t left, width, top, height;  // the columns of g, then the columns of x, which are the rows of the gradient
};

// Add what the pairs first..last give to one tile of one offset.
void add_chunk(const float* x, const float* g, const Pairs& pairs, int64_t first, int64_t last, float* total,
               int64_t c_in, int64_t c_out, const Tile& tile) {
  const float *x_rows[CHUNK], *g_rows[CHUNK], *panel_rows[CHUNK];
  float filled[CHUNK * PANEL];
  for (int64_t p = first; p < last; p++) {
    x_rows[p - first] = x + pairs.sources[p] * c_in + tile.top;
    g_rows[p - first] = g + pairs.targets[p] * c_out + tile.left;
    for (int64_t c = 0; c < tile.height; c += 16) __builtin_prefetch(x_rows[p - first] + c);
    for (int64_t c = 0; c < tile.width; c += 16) __builtin_prefetch(g_rows[p - first] + c);
  }
  for (int64_t left = 0; left < tile.width; left += PANEL) {
    int64_t valid = std::min<int64_t>(PANEL, tile.width - left), vectors = divide_up(valid, LANES);
    for (int64_t p = 0; p < last - first; p++) {
      panel_rows[p] = g_rows[p] + left;
      if (valid < vectors * LANES) {  // A whole vector would reach past the row.
        float* row = filled + p * PANEL;
        std::fill(std::copy_n(panel_rows[p], valid, row), row + vectors * LANES, 0.0f);
        panel_rows[p] = row;
      }
    }
    outer_for(vectors)(x_rows, panel_rows, last - first, total + tile.top * c_out + tile.left + left, c_out, valid,
                       tile.height);
  }
}

void weight_gradient(const float* x, const float* g, const Pairs& pairs, float* gradient, int64_t c_in, int64_t c_out,
                     int64_t threads) {
  int64_t across = divide_up(c_out, TILE), tiles = divide_up(c_in, TILE) * across;
  int64_t size = pairs.offsets() * c_in * c_out, rows = pairs.target_rows;
  if (size == 0) return;
  int64_t slices = std::clamp<int64_t>(pairs.size() / (PAIRS_PER_SLICE * pairs.offsets()), 1, divide_up(PARTS, tiles));
  int64_t block = block_rows(std::min(c_in, TILE) + std::min(c_out, TILE));
  std::vector<float> partial((slices - 1) * size);
  std::fill(gradient, gradient + size, 0.0f);
  in_parallel(slices * tiles, useful_threads(threads, pairs.size() * c_in * c_out), [&](int64_t part) {
    int64_t slice = part / tiles, left = part % tiles % across * TILE, top = part % tiles / across * TILE;
    Tile tile{left, std::min(TILE, c_out - left), top, std::min(TILE, c_in - top)};
    float* total = slice == 0 ? gradient : partial.data() + (slice - 1) * size;
    int64_t end = rows * (slice + 1) / slices;
    for (int64_t row = rows * slice / slices; row < end; row += block)
      for (int64_t k = 0; k < pairs.offsets(); k++) {
        int64_t last = pairs.reach(k, std::min(row + block, end));
        for (int64_t p = pairs.reach(k, row); p < last; p += CHUNK)
          add_chunk(x, g, pairs, p, std::min(p + CHUNK, last), total + k * c_in * c_out, c_in, c_out, tile);
      }
  });
  for (int64_t slice = 0; slice + 1 < slices; slice++)
    for (int64_t i = 0; i < size; i++) gradient[i] += partial[slice * size + i];
}

}  // namespace
