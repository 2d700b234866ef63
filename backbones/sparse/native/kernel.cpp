// Sparse convolution in float32 on a CPU: rows are multiplied where they lie, without a gathered copy.
//
// The work is cut by sizes alone and every sum is taken in one order, whichever thread takes it: results are the same
// for any number of threads. Pairs are (source row, target row), offset by offset, targets ascending in each offset.

#include <cstdint>

#include "common.h"
#include "gradient.h"
#include "output.h"

namespace {

template <typename Work>
int guarded(const Pairs& pairs, const Work& work) {
  Status status = pairs.check();
  if (status == DONE) work();
  return status;
}

}  // namespace

extern "C" {

// y [target_rows, width] = sum over pairs of x[source] · weight[k]; weight is [offsets, depth, width], or
// [offsets, width, depth] when it is transposed.
int harness_multiply(const float* x, const float* weight, const int64_t* sources, const int64_t* targets,
                     const int64_t* counts, float* y, int64_t offsets, int64_t source_rows, int64_t target_rows,
                     int64_t depth, int64_t width, int64_t transposed, int64_t threads) try {
  Pairs pairs(sources, targets, counts, offsets, source_rows, target_rows);
  return guarded(pairs, [&] { multiply(x, weight, pairs, y, depth, width, transposed != 0, threads); });
} catch (...) {
  return NO_MEMORY;
}

// The products that harness_multiply computes for these pairs, padding included; targets ascend in each offset.
int64_t harness_products(const int64_t* targets, const int64_t* counts, int64_t offsets, int64_t target_rows,
                         int64_t depth, int64_t width) try {
  return products(Pairs(targets, targets, counts, offsets, target_rows, target_rows), depth, width);
} catch (...) {
  return -1;
}

// gradient [offsets, c_in, c_out] = sum over pairs of x[source]ᵀ · g[target].
int harness_weight_gradient(const float* x, const float* g, const int64_t* sources, const int64_t* targets,
                            const int64_t* counts, float* gradient, int64_t offsets, int64_t source_rows,
                            int64_t target_rows, int64_t c_in, int64_t c_out, int64_t threads) try {
  Pairs pairs(sources, targets, counts, offsets, source_rows, target_rows);
  return guarded(pairs, [&] { weight_gradient(x, g, pairs, gradient, c_in, c_out, threads); });
} catch (...) {
  return NO_MEMORY;
}

}
