// What the machine can do inside the browser: micro-kernels as WebAssembly text. Each multiplies A [rows, k] by B
// [k, 4 · vectors] into registers, both from the L1 cache, the best that a matrix product can come to; `read` streams
// memory. V8 has 15 vector registers for wasm: a 6 × 2 tile of relaxed madd fills them, larger ones spill.

/**
 * @typedef {object} Kernel
 * @property {number} rows
 * @property {number} vectors
 * @property {number} depth values of k in the 4 bytes of A and the 16 of B that a step takes
 * @property {number} unroll steps
 * @property {boolean} [scaled] what the unrolled steps summed is an integer, to be scaled and added to a float
 * @property {string} unit
 * @property {(c: string | null, a: string, b: string) => string} step no c: the first of scaled ones
 */

const f32 = { depth: 1, unroll: 2, unit: 'GFLOP/s' };
const i8 = { depth: 4, unit: 'GOP/s' };
/** Exact where A has 7 bits. @type {Kernel["step"]} */
const relaxedDot = (c, a, b) => {
  const dot = `(i32x4.extadd_pairwise_i16x8_s (i16x8.relaxed_dot_i8x16_i7x16_s ${b} ${a}))`;
  return c ? `(i32x4.add ${c} ${dot})` : dot;
};

/** @type {Record<string, Kernel>} */
export const KERNELS = {
  f32_mul_add: { rows: 3, vectors: 3, ...f32, step: (c, a, b) => `(f32x4.add ${c} (f32x4.mul ${a} ${b}))` },
  f32_madd: { rows: 6, vectors: 2, ...f32, step: (c, a, b) => `(f32x4.relaxed_madd ${a} ${b} ${c})` },
  i8_dot: { rows: 4, vectors: 2, ...i8, unroll: 2, step: relaxedDot },
  // Q8_0: a scale every 32 values on either side.
  q8_0_dot: { rows: 4, vectors: 1, ...i8, unroll: 8, scaled: true, step: relaxedDot },
};

/** Steps of one call's inner loop. */
export const STEPS = 256;
/** Where the kernels find A, B and the place for their results, and `read` its memory. */
export const PLACE = { a: 1 << 16, b: 1 << 17, out: 1 << 18, read: 1 << 20 };

/** What a kernel does per repetition. @param {Kernel} kernel */
export const operations = ({ rows, vectors, depth }) => 2 * rows * vectors * 4 * depth * STEPS;

const range = (/** @type {number} */ n) => [...Array(n).keys()];
const get = (/** @type {string} */ local) => `(local.get $${local})`;
const set = (/** @type {string} */ local, /** @type {string} */ value) => `(local.set $${local} ${value})`;

/** @param {string} name @param {Kernel} kernel */
function microKernel(name, { rows, vectors, unroll, scaled, step }) {
  const tile = range(rows).flatMap((m) => range(vectors).map((n) => ({ m, n, c: `c${m}_${n}`, f: `f${m}_${n}` })));
  const sums = tile.map(({ c, f }) => (scaled ? f : c));
  const vectorOfB = (/** @type {number} */ at) => `(v128.load offset=${16 * at} ${get('b')})`;
  const laneOfA = (/** @type {number} */ at) => `(v128.load32_splat offset=${4 * at} ${get('a')})`;
  const body = range(unroll).flatMap((u) => [
    ...range(vectors).map((n) => set(`v${n}`, vectorOfB(u * vectors + n))),
    ...range(rows).flatMap((m) => [
      set('s', laneOfA(u * rows + m)),
      ...range(vectors).map((n) => {
        const c = `c${m}_${n}`;
        return set(c, step(scaled && u === 0 ? null : get(c), get('s'), get(`v${n}`)));
      }),
    ]),
  ]);
  if (scaled)
    for (const { m, n, c, f } of tile) {
      const scale = `(f32x4.mul ${laneOfA(unroll * rows + m)} ${vectorOfB(unroll * vectors + n)})`;
      body.push(set(f, `(f32x4.relaxed_madd (f32x4.convert_i32x4_s ${get(c)}) ${scale} ${get(f)})`));
    }
  const moved = (/** @type {string} */ p, /** @type {number} */ bytes) =>
    set(p, `(i32.add ${get(p)} (i32.const ${bytes * (unroll + (scaled ? 1 : 0))}))`);
  const locals = [...tile.flatMap(({ c, f }) => [c, f]), ...range(vectors).map((n) => `v${n}`), 's'];
  return `(func (export "${name}") (param $repetitions i32) (local $a i32) (local $b i32) (local $k i32)
    ${locals.map((l) => `(local $${l} v128)`).join(' ')}
    (loop $again
      ${set('a', `(i32.const ${PLACE.a})`)} ${set('b', `(i32.const ${PLACE.b})`)} ${set('k', `(i32.const ${STEPS})`)}
      ${sums.map((l) => set(l, '(v128.const i32x4 0 0 0 0)')).join(' ')}
      (loop $inner
        ${body.join('\n')}
        ${moved('a', 4 * rows)} ${moved('b', 16 * vectors)}
        (br_if $inner (local.tee $k (i32.sub ${get('k')} (i32.const ${unroll})))))
      ${sums.map((l, i) => `(v128.store offset=${16 * i} (i32.const ${PLACE.out}) ${get(l)})`).join('\n')}
      (br_if $again (local.tee $repetitions (i32.sub ${get('repetitions')} (i32.const 1))))))`;
}

/** The module: every kernel (repetitions), read (begin, end) -> a sum, and memory. */
export function limitsText() {
  const sums = range(8).map((i) => `s${i}`);
  return `(module (memory (export "memory") 17 16384)
  ${Object.entries(KERNELS)
    .map(([name, kernel]) => microKernel(name, kernel))
    .join('\n')}
  (func (export "read") (param $p i32) (param $end i32) (result i32) ${sums.map((s) => `(local $${s} v128)`).join(' ')}
    (loop $again
      ${range(16)
        .map((i) => [sums[i % 8], 16 * i])
        .map(([s, at]) => set(`${s}`, `(i32x4.add ${get(`${s}`)} (v128.load offset=${at} ${get('p')}))`))
        .join('\n')}
      (br_if $again (i32.lt_u (local.tee $p (i32.add ${get('p')} (i32.const 256))) ${get('end')})))
    (i32x4.extract_lane 0 ${sums.map(get).reduce((a, b) => `(i32x4.add ${a} ${b})`)})))`;
}
