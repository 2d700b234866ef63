// What both halves of the kernel share: registers, blocks, pairs and threads.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int LANES = 16, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int LANES = 8, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int LANES = 4, REGISTERS = 32;
#else
constexpr int LANES = 4, REGISTERS = 16;
#endif
typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));

// A panel is the columns whose sums are held in registers at once; its last vector may be partly filled.
constexpr int PANEL_VECTORS = REGISTERS == 32 ? 4 : 2, PANEL = PANEL_VECTORS * LANES;
constexpr int64_t TILE = 128;                 // rows and columns of a weight gradient that one thread takes
constexpr int64_t BLOCK_BYTES = 1 << 20;      // rows of a block stay in the second-level cache over all offsets
constexpr int64_t BLOCK_ROWS = 4096;          // and are few enough to leave work for every thread
constexpr int64_t CHUNK = 64;                 // pairs summed in registers before they join a weight gradient
constexpr int64_t PAIRS_PER_SLICE = 2000;     // per offset: fewer would not pay for another partial gradient
constexpr int64_t PARTS = 16;                 // of a weight gradient, where it is large enough
constexpr int64_t PRODUCTS_PER_THREAD = 1 << 22;

enum Status { DONE = 0, NOT_ASCENDING = 1, OUT_OF_RANGE = 2, NO_MEMORY = 3 };

struct Pairs {
  const int64_t *sources, *targets;
  std::vector<int64_t> begin;  // of every offset, and the end of the last
  int64_t source_rows, target_rows;

  Pairs(const int64_t* sources, const int64_t* targets, const int64_t* counts, int64_t offsets, int64_t source_rows,
        int64_t target_rows)
      : sources(sources), targets(targets), begin(offsets + 1), source_rows(source_rows), target_rows(target_rows) {
    for (int64_t k = 0; k < offsets; k++) begin[k + 1] = begin[k] + counts[k];
  }
  int64_t offsets() const { return static_cast<int64_t>(begin.size()) - 1; }
  int64_t size() const { return begin.back(); }

  Status check() const {
    bool outside = false, ascending = true;
    for (int64_t p = 0; p < size(); p++) {
      outside |= static_cast<uint64_t>(sources[p]) >= static_cast<uint64_t>(source_rows);
      outside |= static_cast<uint64_t>(targets[p]) >= static_cast<uint64_t>(target_rows);
    }
    for (int64_t k = 0; k < offsets(); k++)
      for (int64_t p = begin[k] + 1; p < begin[k + 1]; p++) ascending &= targets[p] > targets[p - 1];
    return outside ? OUT_OF_RANGE : ascending ? DONE : NOT_ASCENDING;
  }

  // First pair of offset k whose target is `row` or later.
  int64_t reach(int64_t k, int64_t row) const {
    return std::lower_bound(targets + begin[k], targets + begin[k + 1], row) - targets;
  }
};

void in_parallel(int64_t parts, int64_t threads, const std::function<void(int64_t)>& work) {
  std::atomic<int64_t> next{0};
  auto take_parts = [&] {
    for (int64_t part; (part = next.fetch_add(1)) < parts;) work(part);
  };
  std::vector<std::thread> helpers;
  helpers.reserve(std::max<int64_t>(threads, 0));
  try {
    while (static_cast<int64_t>(helpers.size()) + 1 < std::min(threads, parts)) helpers.emplace_back(take_parts);
  } catch (const std::system_error&) {
    // No more threads to be had: the others do the work.
  }
  take_parts();
  for (auto& helper : helpers) helper.join();
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t useful_threads(int64_t threads, int64_t products) {
  return std::clamp<int64_t>(products / PRODUCTS_PER_THREAD, 1, std::max<int64_t>(threads, 1));
}

int64_t block_rows(int64_t floats_per_row) {
  return std::clamp<int64_t>(BLOCK_BYTES / (4 * std::max<int64_t>(floats_per_row, 1)), 64, BLOCK_ROWS);
}

// Ask for large pages where an output will be written for the first time: small ones cost a fault each.
void expect_writes(float* begin, float* end) {
#if defined(MADV_HUGEPAGE)
  constexpr uintptr_t PAGE = 1 << 21;
  uintptr_t from = (reinterpret_cast<uintptr_t>(begin) + PAGE - 1) / PAGE * PAGE;
  uintptr_t to = reinterpret_cast<uintptr_t>(end) / PAGE * PAGE;
  // A refusal only costs time.
  if (from < to) (void)madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
#else
  (void)begin, (void)end;
#endif
}

struct alignas(64) CacheLine {
  float numbers[16];
};

Vector load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Add the first `valid` numbers of a row of sums to memory.
template <int V>
inline void join(float* to, const Vector (&sum)[V], int64_t valid) {
  if (valid == V * LANES) {
    for (int v = 0; v < V; v++) {
      Vector value = load(to + v * LANES) + sum[v];
      std::memcpy(to + v * LANES, &value, sizeof value);
    }
  } else {
    float row[V * LANES];
    std::memcpy(row, sum, sizeof row);
    for (int64_t i = 0; i < valid; i++) to[i] += row[i];
  }
}

// As many rows as fill the registers, beside one row of the weight and one factor; more than 14 bring nothing.
constexpr int rows_at_once(int vectors) { return std::min(14, (REGISTERS - vectors - 2) / vectors); }

}  // namespace
