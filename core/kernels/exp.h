// The exponential that softmaxes are summed with: a third of the instructions of one that takes any argument.
#pragma once

#include "kernels/simd.h"

namespace lens {

// e^x for x ≤ 0, NaN of NaN; below −87, where floats lose their digits, e^−87. The error is below 2e-7 of the value (a
// test). x = n ln 2 + r with |r| ≤ ln 2 / 2 and ln 2 in two parts (Cody & Waite 1980); Taylor's polynomial for e^r,
// whose first missing term is 5e-9; n added to the exponent's bits. Made before the loop, for its constants (held).
class ExpNotAbove0 {
 public:
  [[gnu::always_inline]] Vec operator()(Vec x) const {
    x = xsimd::select(x < least_, least_, x);
    // To the nearest integer: 1.5 · 2²³ leaves a float no binary places, and the integer in its lowest bits.
    const Vec shifted = madd(x, inverse_ln2_, round_);
    const Vec n = shifted - round_;
    const Vec r = madd(n, ln2_low_, madd(n, ln2_high_, x));
    Vec e = madd(seventh_, r, sixth_);
    e = madd(e, r, fifth_);
    e = madd(e, r, fourth_);
    e = madd(e, r, third_);
    e = madd(e, r, second_);
    e = madd(e, r, one_);
    e = madd(e, r, one_);
    return xsimd::bitwise_cast<float>(xsimd::bitwise_cast<std::int32_t>(e) +
                                      (xsimd::bitwise_cast<std::int32_t>(shifted) << 23));
  }

 private:
  Vec least_ = held(-87.0f), inverse_ln2_ = held(1.44269504f), round_ = held(12582912.0f);
  Vec ln2_high_ = held(-0.693359375f), ln2_low_ = held(2.12194440e-4f);
  Vec one_ = held(1.0f), second_ = held(0.5f), third_ = held(1.0f / 6), fourth_ = held(1.0f / 24);
  Vec fifth_ = held(1.0f / 120), sixth_ = held(1.0f / 720), seventh_ = held(1.0f / 5040);
};

}  // namespace lens
