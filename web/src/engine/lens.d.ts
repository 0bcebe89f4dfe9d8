// What wasm/bindings.cpp exports, as the build bundles it under the name "#lens".
import type { Table } from "./readout.js";

type Result<T> = { ok: T; error?: undefined } | { ok?: undefined; error: { code: string; message: string } };

export interface ModelInfo {
  ref: string;
  n_layer: number;
  n_head: number;
  n_ctx: number;
  d_model: number;
  d_head: number;
  d_mlp: number;
  d_vocab: number;
  n_param: number;
  bos: number | null;
  has_tokenizer: boolean;
}

/** A file of a checkpoint. Of one with weights the first bytes are enough; `size` is then the whole file's. */
export interface CheckpointFile {
  name: string;
  bytes: Uint8Array;
  size?: number;
}

export type Precision = "as_stored" | "f16" | "q8_0";

/** What a checkpoint's headers say. Bytes [begin, end) of file number `file` are a tensor. */
export interface Plan extends ModelInfo {
  dtypes: string[];
  kept: Record<Precision, number>;
  wanted: { tensor: string; stored: string; dtype: string; file: number; begin: number; end: number }[];
}

export interface VocabularyTable {
  bytes: Uint8Array;
  offsets: Uint32Array;
  special: Uint8Array;
}

export interface Engine {
  load(ref: string, files: CheckpointFile[]): Result<ModelInfo>;
  loadLens(ref: string, name: string, files: { name: string; bytes: Uint8Array }[]): Result<undefined>;
  inspect(ref: string, files: CheckpointFile[]): Result<Plan>;
  beginLoad(ref: string, files: CheckpointFile[], precision: Precision): Result<undefined>;
  put(ref: string, file: number, offset: number, bytes: Uint8Array): Result<undefined>;
  finishLoad(ref: string, name: string): Result<ModelInfo>;
  cancelLoad(ref: string): Result<undefined>;
  giveTokenizer(ref: string, files: CheckpointFile[]): Result<ModelInfo>;
  memory(): Result<number>;
  vocabulary(ref: string): Result<VocabularyTable>;
  tokenize(ref: string, text: string): Result<Int32Array>;
  parse(text: string): Result<string>;
  start(text: string): Result<number>;
  advance(job: number, budget_ms: number): Result<{ done: boolean; progress: number; columns: number }>;
  tables(job: number): Result<Table[]>;
  cancel(job: number): Result<undefined>;
  release(ref: string): Result<undefined>;
}

export default function createLens(options: { wasmBinary: ArrayBuffer; threads?: number }): Promise<{
  Engine: new () => Engine;
  useThreads(n: number): number;
}>;
