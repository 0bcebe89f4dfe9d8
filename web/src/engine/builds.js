// Which of the engine's builds (wasm/CMakeLists.txt) this browser runs best, decided before any of them is fetched.
import { relaxedSimd } from 'wasm-feature-detect';

/** Each is a worker, NAME.js, and its NAME.wasm. */
export const BUILDS = ['lens', 'lens-relaxed'];

/** @returns {Promise<string>} */
export const bestBuild = async () => ((await relaxedSimd()) ? 'lens-relaxed' : 'lens');
