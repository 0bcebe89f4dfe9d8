// Every word the page says, so that another language is another file.

/** A piece of a sentence: words, a token, or a probability. @typedef {string | {token: number} | {prob: number}} Part */

export const page = {
  title: 'Logit lens',
  subtitle: 'What would the model say if it stopped here?',
  prompt: 'Prompt',
  promptHint: 'Enter draws at once, Shift + Enter starts a new line, Ctrl + Z undoes',
  promptEmpty: 'Type anything: each letter redraws the grid',
  promptIds: (/** @type {number} */ n) =>
    `This link gives ${count(n, 'token id')}, taken as they are. Type to replace them.`,
  examples: 'Examples',
  lookAt: 'Look at',
  lookAtElsewhere: (/** @type {string} */ model) => `With ${model}, the raw lens and the norm recomputed, look at`,
  tokens: (/** @type {number} */ n) => count(n, 'token'),
  tokensLabel: 'The prompt as the model reads it',
  mostlyBytes:
    'Most of this text reaches the model as loose bytes: it has hardly read such writing, so what it says here is not worth much.',
  deeper: 'deeper',
  legendBold: 'bold',
  legendBoldMeans: 'where the final answer already leads',
  legendTurns: 'where the top token is not that of the row below',
  caption:
    'Logit lens: one column for each token of the prompt, one row for each depth of the model, the output on top. A cell holds the token that the model would say next if it stopped there.',
  captionColumn:
    'Logit lens at the chosen token: one row for each depth of the model, the output on top. Left and right arrows choose another token.',
  modelChip: (/** @type {string} */ title, /** @type {number} */ layers, /** @type {number} */ parameters) =>
    `${title} · ${count(layers, 'layer')} · ${millions(parameters)} parameters`,
  of: (/** @type {string} */ done, /** @type {string} */ total) => `${done} of ${total}`,
  loadingEngine: 'Loading the engine',
  loading: (/** @type {string} */ title) => `Loading ${title}`,
  preparing: (/** @type {string} */ title) => `Preparing ${title}`,
  rate: (/** @type {string} */ rate) => `${rate}/s`,
  left: (/** @type {number} */ seconds) =>
    seconds < 90
      ? `about ${count(Math.max(1, Math.round(seconds)), 'second')} left`
      : `about ${Math.round(seconds / 60)} minutes left`,
  inBackground: 'While a tab is in the background, browsers slow down or halt what it loads; keep it in front.',
  cancel: 'Cancel',
  retry: 'Try again',
  resume: 'Load it',
  close: 'Close',
  undo: 'Undo',
  undoMeans: (/** @type {string} */ text) => `Back to “${text}”`,
  /** @param {string} model @param {string} lens */
  throughLens: (model, lens) => `${model} · ${lens} lens`,
  recorded: 'recorded',
  recordedMeans: 'Computed when this page was built, by the same model; until the model is here.',
  keptAs: (
    /** @type {{as: 'published', title: string} | {as: 'sha256' | 'saved' | 'length'}} */ verified,
    /** @type {'saved' | 'refused' | 'elsewhere' | null} by the browser */ kept,
  ) => {
    const checked = {
      sha256: 'Checked: the sha256 is the one that the hub gives.',
      saved: 'Checked: it is as it was when it was saved on this device.',
      length: 'Checked by its length.',
    };
    const stays = {
      saved: ' Saved on this device.',
      refused: ' This browser would not save it, so it is only in memory.',
      elsewhere: ' Another tab is saving it on this device.',
    };
    const how = verified.as === 'published' ? `Verified: every tensor is ${verified.title}’s.` : checked[verified.as];
    return how + (kept ? stays[kept] : '');
  },
  verified: 'verified',
  chooseModel: 'Choose another model',
  computed: 'computed here',
  computedMeans: 'By the model in this page, on this computer.',
};

export const models = {
  title: 'Models',
  intro:
    'Everything runs in this page. A model from huggingface.co is fetched from there, once; what you type goes nowhere.',
  onShow: 'on show',
  entry: (/** @type {number} */ parameters, /** @type {number} */ bytes) =>
    `${millions(parameters)} parameters · ${megabytes(bytes)}`,
  entryOwn: (/** @type {number} */ bytes) => megabytes(bytes),
  saved: 'saved on this device',
  begun: 'a part of it is kept on this device; loading goes on there',
  remove: 'remove',
  removeOf: (/** @type {string} */ title) => `Remove ${title} from this device`,
  typed: 'Another one of the hub',
  typedHint: 'owner/name, or owner/name@revision',
  typedMeans: 'Or ./NAME for a folder in models/ beside this page.',
  look: 'Look',
  own: 'Your own',
  ownMeans:
    'A .gguf file, or .safetensors with its config.json and tokenizer files; drop them anywhere on this page. They stay on this computer.',
  files: 'Choose files',
  folder: 'Choose a folder',
  drop: 'Drop a model’s files here',
  asking: (/** @type {string} */ name) => `Looking at ${name}`,
  openable: 'It can be opened.',
  shape: (/** @type {import('#lens').Plan} */ p) =>
    `${count(p.n_layer, 'layer')}, ${count(p.n_head, 'head')} each, d_model ${p.d_model}, ${grouped(p.d_vocab)} tokens, context ${grouped(p.n_ctx)}`,
  facts: (/** @type {import('#lens').Plan} */ p, /** @type {number} */ files, /** @type {number} */ bytes) =>
    `${millions(p.n_param)} parameters as ${p.dtypes.join(', ')} · ${count(files, 'file')}, ${megabytes(bytes)}`,
  revision: (/** @type {string} */ revision) => `revision ${revision.slice(0, 12)}`,
  noTokenizer:
    'No tokenizer: without one it reads only token ids. Add tokenizer.json, or vocab.json and merges.txt, now or later.',
  keep: 'Keep its weights',
  /** @param {import('#lens').Precision} asked @param {import('#lens').Precision} instead */
  withheldAsked: (asked, instead) =>
    `The link asks for its weights ${keptAs(asked)}, for which there is no room; ${keptAs(instead)} there is.`,
  again: 'Look it up again',
  withheld:
    'WebAssembly’s memory ends at 4 GB; a choice that leaves no room in it for the longest prompt is not offered.',
  as_stored: {
    name: 'as stored',
    means: (/** @type {string} */ bytes) => `exactly the published numbers; takes ${bytes} of memory`,
  },
  f16: {
    name: 'F16',
    means: (/** @type {string} */ bytes) =>
      `rounded to 16 bits; takes ${bytes} of memory. On the page’s own model that costs this: 99.95 % of the cells keep their top token, mean KL 2·10⁻⁷ nats.`,
  },
  q8_0: {
    name: 'Q8_0',
    means: (/** @type {string} */ bytes) =>
      `rounded to 8 bits; takes ${bytes} of memory. On the page’s own model that costs this: 99.1 % of the cells keep their top token, mean KL 9·10⁻⁵ nats.`,
  },
  metered: 'This device asks to spare its connection.',
  large: 'This is a lot for this device.',
  smaller: 'Rather a smaller one:',
  open: (/** @type {number} */ bytes) => `Open it (${megabytes(bytes)})`,
  wanted: (/** @type {string} */ ref) => `The link asks for ${ref}.`,
  menu: 'Models…',
};

/** @param {import('#lens').Precision} precision */
const keptAs = (precision) => (precision === 'as_stored' ? 'kept as stored' : `kept as ${models[precision].name}`);

const figure = (/** @type {number} */ x) => x.toFixed(4).replace('-', '−');

export const verifying = {
  title: (/** @type {string} */ title) => `${title}, as others measured it`,
  intro: 'Its tensors are the published ones. Its answers can be held against figures that others published of it.',
  rounded: 'It is kept rounded here, so that what differs may be the rounding’s.',
  verify: 'Verify against published numbers',
  check: 'Asked',
  expected: 'published',
  got: 'here',
  count: (/** @type {number} */ passed, /** @type {number} */ done, /** @type {number} */ of) =>
    done < of ? `${passed} of ${done} agree so far, of ${of} in all.` : `${passed} of ${of} agree.`,
  passed: (/** @type {boolean} */ passed) => (passed ? '✓ agrees' : '✗ differs'),
  source: (/** @type {number} */ n) => `(source ${n})`,
  next: (/** @type {string} */ text, /** @type {number} */ tolerance) =>
    `ln p of the ten best tokens after ${text}, to ${tolerance}`,
  loss: (/** @type {number} */ tokens, /** @type {string} */ text, /** @type {number} */ tolerance) =>
    `mean loss in nats on ${count(tokens, 'token')} of ${text}, to ${tolerance}`,
  greedy: (/** @type {number} */ tokens, /** @type {string} */ text) =>
    `the ${count(tokens, 'token')} that it goes on with after ${text}`,
  difference: (
    /** @type {string} */ right,
    /** @type {string} */ wrong,
    /** @type {string} */ text,
    /** @type {number} */ tolerance,
  ) => `logit of “${right}” less that of “${wrong}” after ${text}, to ${tolerance}`,
  ends: (/** @type {string} */ text) => `“…${text}”`,
  begins: (/** @type {string} */ text) => `“${text}…”`,
  figure,
};

export const measures = {
  /** By key: as a select says it, and what the lit end of its scale means. @type {Record<string, {name: string, lit: string}>} */
  fixed: {
    answer: {
      name: 'probability of the final answer',
      lit: 'how probable the column’s final answer already is there',
    },
    top: { name: 'probability of the cell’s own token', lit: 'how probable the token that the cell shows is there' },
    rank: {
      name: 'rank of the final answer',
      lit: 'how far up the column’s final answer stands there among all tokens; lit: in front',
    },
    entropy: { name: 'entropy', lit: 'how undecided it is there, in nats; unlit: certain of one token' },
    kl: { name: 'KL from the output', lit: 'how far it is there from the output, in nats; unlit: already the output' },
    surprisal: {
      name: 'surprisal of the next token',
      lit: 'how surprised it would be there by the token that comes next in the prompt, in nats; unlit: expected',
    },
    change: {
      name: 'what changed',
      lit: 'how much the guess changed from the row below, as KL in nats; unlit: not at all',
    },
  },
  pinned: (/** @type {string} */ token) => ({
    name: `probability of ${token}`,
    lit: `how probable ${token} is there`,
  }),
  pinnedRank: (/** @type {string} */ token) => ({
    name: `rank of ${token}`,
    lit: `how far up ${token} stands there among all tokens; lit: in front`,
  }),
  set: (/** @type {string} */ name) => ({
    name: `probability of ${name}, together`,
    lit: `how probable one of ${name} is there`,
  }),
};

export const controls = {
  colour: 'Colour',
  lens: 'Lens',
  hatch: 'hatch what it may misread',
  hatched: (/** @type {string} */ lens) =>
    `hatched: the ${lens} lens reads that cell more than 1 nat otherwise (KL), so the word there may be the reader’s fault, not the layer’s`,
  more: 'More',
  norm: 'Final norm',
  /** @type {Record<string, {name: string, means: string}>} */
  norms: {
    recomputed: {
      name: 'recomputed',
      means: 'scales each row by its own size, as if the model ended there.',
    },
    frozen: {
      name: 'frozen',
      means: 'scales each row by the size the stream has at the output, so that early rows weigh as little as they do.',
    },
    none: { name: 'none', means: 'reads each row as it is, so that even the last row is not what the model says.' },
  },
  rows: 'Rows',
  mid: 'also inside each block, between attention and MLP',
  stride: 'How many rows',
  every: (/** @type {number} */ n) =>
    n === 1 ? 'every row' : `every ${n}${({ 2: 'nd', 3: 'rd' })[n] ?? 'th'} row, from the output`,
  cells: 'Cells',
  numbers: 'with the number behind the colour',
  overlay: 'strip at the foot',
  noOverlay: 'none',
  /** @type {Record<string, {name: string, means: string}>} */
  overlays: {
    frequency: {
      name: 'how common its token is',
      means: 'the longer, the more common the cell’s token is in the training text: a generic answer',
    },
    input: {
      name: 'the input token’s rank',
      means: 'the longer, the further up the column’s own token still stands: an answer that repeats its input',
    },
  },
};

/** @type {Record<string, {name: string, means: string}>} */
const lenses = {
  raw: { name: 'raw', means: '' },
  tuned: {
    name: 'tuned',
    means:
      'Tuned lens: each row goes through a map of its own first, which was fitted on other text to say what the output says.',
  },
  jacobian: {
    name: 'Jacobian',
    means:
      'Jacobian lens: what the state there disposes the model to say, now or later on. It does not try to guess the next token, so its KL from the output is no mark of its quality.',
  },
  'jacobian-here': {
    name: 'Jacobian, this position',
    means:
      'Jacobian lens, this position alone: what the state there disposes the model to say right here. It was not fitted to the output, so its KL from it is no mark of its quality.',
  },
  calibrated: {
    name: 'calibrated',
    means:
      'Calibrated lens: the raw one, less what each row says on average and plus what the output says on average, so that a token is not favoured for being common in that row.',
  },
  yours: { name: 'yours', means: 'Your own lens, from the file that you gave this page; a link cannot hold it.' },
};

/** @param {string} name */
export function lensWords(name) {
  return Object.hasOwn(lenses, name) ? lenses[name] : { name, means: '' };
}

export const panel = {
  label: 'The selected cell',
  title: (/** @type {Part} */ token) => [' at ', token],
  titleStart: () => [' at the start of the text'],
  rank: 'rank',
  token: 'token',
  prob: 'prob.',
  logit: 'logit',
  rawLogit: 'raw logit',
  id: 'id',
  answer: 'final answer',
  pinned: 'Pinned',
  sum: 'Σ',
  sumOf: (/** @type {string} */ name) => `all of ${name} together`,
  showRaw: 'Logits are centred: minus their mean over the vocabulary. Press for the raw ones.',
  showCentred: 'Raw logits: differences between them mean something, their level does not. Press for centred ones.',
  about: (/** @type {string} */ token) => `${token}: what it is made of`,
  bytes: 'bytes',
  bytesUnknown: 'unknown',
  copy: 'Copy its text',
  pin: 'Pin',
  unpin: 'Unpin',
  remove: (/** @type {string} */ name) => `Unpin ${name}`,
  nats: (/** @type {string} */ value) => `${value} nats`,
  entropy: 'entropy',
  entropyMeans: 'how undecided it is here',
  kl: 'KL',
  klMeans: 'how far from the output',
  klOutput: 'this row is the output',
  surprisal: 'surprisal',
  /** @param {Part} token @param {Part} prob @returns {Part[]} */
  next: (token, prob) => ['of ', token, ', which came next: ', prob],
  /** @param {string} rank @returns {Part[]} */
  nextRank: (rank) => [`, rank ${rank}`],
  noNext: 'the text ends here',
  input: 'input',
  inputRank: (/** @type {string} */ rank) => `rank ${rank}`,
  /** @param {Part} token @returns {Part[]} */
  inputMeans: (token) => ['of ', token, ' itself, as what comes next'],
  close: 'Close',
};

/** How a screen reader says what has no letters. */
export const spoken = {
  /** @type {Record<string, string>} */
  characters: {
    ' ': 'space',
    '\n': 'new line',
    '\t': 'tab',
    '\r': 'carriage return',
    '\u00a0': 'no-break space',
  },
  bytes: (/** @type {string} */ hex) => `bytes ${hex}`,
  nothing: 'nothing',
  bos: 'start or end of a text',
  unnamed: (/** @type {number} */ id) => `token ${id}`,
};

/** @param {string} token @param {string} text */
export function partOf(token, text) {
  return `${token}, part of ${text}`;
}

export const pins = {
  label: 'Pin a token',
  hint: 'Pin a token, or a set: he, she, they',
  options: 'Tokens',
  set: (/** @type {number} */ n) => `as a set of ${n}`,
  pieces: (/** @type {string} */ text, /** @type {number} */ n) => `“${text}” is not one token but ${n}:`,
  nothing: (/** @type {string} */ text) => `There is no token “${text}”.`,
};

export const chart = {
  label: (/** @type {string} */ scale) => `${scale} of tokens by depth, at the selected position`,
  by: 'Chart of',
  scales: /** @type {Record<string, string>} */ ({ prob: 'probability', rank: 'rank', logit: 'logit' }),
  deeper: 'deeper',
  embed: 'embed',
  output: 'output',
  token: 'token',
  failed: 'The chart could not be loaded.',
};

export const sections = {
  /** By key. @type {Record<string, string>} */
  titles: {
    moments: 'Moments: when it was decided',
    compare: 'Other ways to read this cell',
    who: 'Who wrote this?',
    writes: 'What attention and MLP wrote',
    attention: 'Attention patterns',
    heads: 'What do the heads do?',
    memories: 'Memories: the neurons',
    weights: 'Weights, without a prompt',
  },
  reading: 'Reading …',
  failed: 'This part of the page could not be loaded.',
};

export const headMap = {
  head: 'head ',
  layer: 'layer ',
  mlp: 'MLP',
};

/** @param {string} kind @param {number} layer @param {number} head */
function partName(kind, layer, head) {
  return (
    {
      W_E: 'token embedding',
      W_pos: 'position',
      'ln_f bias': 'final norm’s bias',
      'lens bias': 'the lens’ own bias',
      head: `head ${layer}.${head}`,
      attn_bias: `attn. biases ${layer}`,
      mlp: `MLP ${layer}`,
      mlp_bias: `MLP bias ${layer}`,
    }[kind] ?? kind
  );
}

export const who = {
  of: 'Logit of ',
  own: (/** @type {string} */ token) => `${token} (the cell’s own)`,
  against: 'rather than ',
  average: 'the average token',
  /** @param {Part} token @param {Part | null} other @param {string} logit @returns {Part[]} */
  sum: (token, other, logit) => [
    token,
    ...(other ? [' rather than ', other] : []),
    `: ${logit} in logits, the sum of what each part of the model wrote here.`,
  ],
  part: partName,
  others: (/** @type {number} */ n) => `${n} others`,
  map: 'What each head and each MLP wrote, by layer',
  mapMeans: 'Rows are layers, the deepest on top; columns are heads, and the MLP. Press one to see what it is made of.',
  inside: (/** @type {string} */ part) => `What ${part} is made of`,
  sources: 'What it took from each token of the prompt; the line at the foot is how much it attends there.',
  source: (/** @type {string} */ logit, /** @type {number} */ attention) => `${logit}; attention ${percent(attention)}`,
  attends: (/** @type {number} */ attention) => `, attention ${percent(attention)}`,
  neurons: 'Its neurons that write most, either way: activation times what the neuron’s output row says.',
  activation: (/** @type {string} */ value) => `activation ${value}`,
  otherNeurons: 'all others',
  direct:
    'Direct effect only: what a part does by way of later layers is counted there. Nothing here says what would happen without it.',
  adds: (/** @type {number} */ remainder, /** @type {number} */ size) =>
    `The parts add up to the cell; rounding leaves ${Math.abs(remainder).toExponential(0)} over, where they come to ${size.toFixed(1)} without their signs.`,
  /** @type {Record<string, string>} */
  norms: {
    recomputed: 'Scaled by the row’s own size, as the cell is.',
    frozen: 'Scaled by the size of the stream at the output, as the cell is.',
  },
  lens: (/** @type {string} */ name) => `Each part goes through the ${name} lens, as the cell does.`,
  papers: 'After nostalgebraist (2020) and Elhage et al. (2021): the residual stream is a sum, so its reading is one.',
};

export const compare = {
  /** @param {Part} token @param {number} n @returns {Part[]} */
  agree: (token, n) => [`All ${n} ways of reading say `, token, '.'],
  /** @param {{token: Part, names: string[]}[]} groups @returns {Part[]} */
  differ: (groups) => [
    'They disagree: ',
    ...groups.flatMap(({ token, names }, i) => [i > 0 ? '; ' : '', token, ` (${names.join(', ')})`]),
    '.',
  ],
  way: 'lens',
  says: 'says',
  prob: 'prob.',
  answer: 'final answer',
  rank: (/** @type {string} */ rank) => `#${rank}`,
  /** @type {Record<string, string>} */
  norms: { frozen: 'norm frozen', none: 'no norm' },
  lift: 'Lift over the average output',
  liftMeans:
    'In nats: ln of the raw lens’ probability here, minus ln of what the output gives that token on average over other text. It is no probability, and is told only of tokens with at least a tenth of the largest.',
  attribution: 'Who wrote it',
  /** @param {Part} token @param {Part | null} other @param {string} logit @returns {Part[]} */
  wrote: (token, other, logit) => [
    token,
    ...(other ? [' rather than ', other] : []),
    `: ${logit} in the raw lens’ logits.`,
  ],
  helping: (/** @type {string} */ parts) => `For it: ${parts}.`,
  against: (/** @type {string} */ parts) => `Against it: ${parts}.`,
  part: partName,
  means:
    'Each lens with the norm recomputed; below them the raw one with the output’s σ, and without a norm. A calibrated lens is the raw one divided by its row’s average and times the output’s (after Zhao et al. 2021): its output row is the model’s own. Direct effect only.',
};

export const moments = {
  settled: 'settled',
  notSettled: 'at no row, read with this norm',
  /** @param {Part} answer @returns {Part[]} */
  settledBy: (answer) => [': from here up it is ', answer],
  first: 'first seen',
  /** @param {Part} answer @returns {Part[]} */
  firstLed: (answer) => [': ', answer, ' leads here for the first time, and loses the lead again'],
  flips: 'turns',
  noFlips: 'none: one token leads throughout',
  /** @param {Part} from @param {Part} to @param {string} margin @param {'attention' | 'mlp' | 'block'} by @returns {Part[]} */
  flip: (from, to, margin, by) => [
    ': ',
    from,
    ' → ',
    to,
    `, ahead by ${margin.replace('+', '')} in logits${{ attention: ', by attention', mlp: ', by the MLP', block: '' }[by]}`,
  ],
  peak: 'least sure',
  peakMeans: (/** @type {string} */ nats) => `: ${nats} nats of entropy`,
  next: 'what came next',
  /**
   * @param {'throughout' | 'corrected' | 'lost' | 'never'} outcome @param {Part} token @param {string} row
   * @returns {Part[]}
   */
  outcome: (outcome, token, row) =>
    ({
      throughout: [token, ': right throughout'],
      corrected: [token, `: right from ${row} on, something else below`],
      lost: [token, `: lost. It led up to ${row}, and the output says something else`],
      never: [token, ': leads at no row'],
    })[outcome],
  target: 'The text ends here. What should come next? ',
  noTarget: 'choose a token',
  everywhere: 'At every position',
  columns: ['token', 'answer', 'since', 'turns', 'next token'],
  /** @type {Record<string, string>} */
  outcomes: { throughout: 'right', corrected: 'corrected', lost: 'lost', never: 'never led' },
  sets: 'The pinned sets',
  row: 'row',
  odds: 'log-odds',
  oddsOfOne: (/** @type {string} */ name) => `Log-odds: ln of how probable ${name} is, over all else.`,
  oddsOfTwo: (/** @type {string} */ a, /** @type {string} */ b) => `Log-odds: ln of how probable ${a} is, over ${b}.`,
  lens: (/** @type {string} */ lens) =>
    `As the ${lens} lens reads the rows; in early rows the raw lens is often sure and wrong. “Ahead by” is the logit of the new leader minus the second’s. Prediction depth after Belrose et al. (2023). Under More, rows inside each block tell attention’s turns from the MLP’s.`,
};

export const writes = {
  nothing: 'Nothing has been written to the embedding yet; choose a row above it.',
  attention: (/** @type {number} */ block) => `Attention of block ${block}`,
  mlp: (/** @type {number} */ block) => `MLP of block ${block}`,
  everywhere: 'What each block promotes most here',
  block: 'block',
  byAttention: 'attention',
  byMlp: 'MLP',
  /** @type {Record<string, string>} */
  convention: {
    recomputed:
      'What it adds to each token’s centred logit in the row it is added into: centred, times the final norm’s γ, over that row’s σ; the norm’s bias belongs to no part.',
    frozen:
      'What it adds to each token’s centred logit: centred, times the final norm’s γ, over the output row’s σ; the norm’s bias belongs to no part.',
    none: 'What it adds to each token’s centred logit, without any norm.',
  },
  direct: 'Direct effect only. After Elhage et al. (2021) and Geva et al. (2022).',
};

export const attention = {
  layer: 'Block ',
  head: (/** @type {number} */ layer, /** @type {number} */ head) => `Head ${layer}.${head}`,
  large: (/** @type {number} */ layer, /** @type {number} */ head) =>
    `Attention pattern of head ${layer}.${head}: rows attend to columns; arrow keys move`,
  /** @param {Part} from @param {Part} to @param {number} share @returns {Part[]} */
  says: (from, to, share) => [from, ' attends to ', to, `: ${percent(share)}`],
  from: (/** @type {string} */ token) => `What ${token} attends to`,
  share: (/** @type {number} */ share) => `, ${percent(share)}`,
  later: ', comes later',
  copies: (/** @type {number} */ layer, /** @type {number} */ head) =>
    `Does head ${layer}.${head} write what it looks at?`,
  pairs: (/** @type {number} */ n) => count(n, 'pair'),
  copiesMeans: (/** @type {number} */ stride) =>
    `${stride === 1 ? 'A dot for each pair of tokens of this prompt, but for the first one.' : `The dots are a sample, one pair of tokens in ${stride}; r is over all pairs of this prompt, but for those with the first one.`} A head that copies lies along a rising line. Direct effect only; the scatter of Wang et al. (2023).`,
  means:
    'Rows are the tokens that attend, columns those attended to; each row adds up to 1. Attention says where a head reads, not what it does with it (Elhage et al. 2021): for that, see who wrote the cell.',
};

export const scatter = {
  correlation: (/** @type {string} */ r, /** @type {string} */ counted) =>
    `Attention against what it adds to that token’s logit: r = ${r} over ${counted}.`,
  tooFew: (/** @type {string} */ counted, /** @type {number} */ least) =>
    `Too few to say: ${counted}, and it takes ${least}.`,
  steady: (/** @type {string} */ counted) =>
    `No correlation to tell: over ${counted}, the attention or what is added is the same everywhere.`,
  attends: 'attends more →',
  raises: 'raises it ↑',
};

export const overPrompts = {
  title: (/** @type {number} */ layer, /** @type {number} */ head) => `Head ${layer}.${head} over many prompts`,
  means:
    'One sentence a line. Its last token is what should come there, and stands earlier in it, as a name does. What counts is how much the place before the end attends to where that token stood last.',
  prompts: 'Sentences',
  example: 'Fill in an example: who is sung for?',
  /** @param {string} first @param {string} second @param {string} singer @param {string} other */
  sentence: (first, second, singer, other) =>
    `When ${first} and ${second} came to the market, ${singer} sang a song for ${other}`,
  counted: (/** @type {number} */ n) => count(n, 'prompt'),
  without: (/** @type {number} */ n, /** @type {string} */ first) =>
    `${n === 1 ? 'One line is' : `${n} lines are`} left out: the last token does not stand earlier in it, as in “${first}”. A name at the very beginning is another token than one after a space.`,
  each: 'Each prompt',
  token: 'token',
  attends: 'attends',
  adds: 'adds, in logits',
  share: (/** @type {number} */ share) => percent(share),
  direct:
    'A dot for each prompt; a head that copies lies along a rising line. Direct effect only; as Wang et al. (2023) plot name movers, on their own prompts.',
};

export const heads = {
  score: 'Score ',
  scores: {
    induction: {
      name: 'induction',
      means: 'Attends to what came after the same token the last time: A B … A, and the head looks at B.',
    },
    previous: { name: 'previous token', means: 'Attends to the token just before.' },
    duplicate: { name: 'duplicate token', means: 'Attends to the same token, where it stood before.' },
  },
  map: (/** @type {string} */ score) => `The ${score} score of each head, by layer`,
  head: (/** @type {string} */ name) => `head ${name}`,
  best: (/** @type {string} */ name, /** @type {string} */ score) => `Highest: head ${name}, ${score}.`,
  none: 'None has formed: no head gives that much of its attention there.',
  formed: (/** @type {string[]} */ names) =>
    `${names.length === 1 ? 'It does' : `${count(names.length, 'head')} do`} mostly that: ${names.join(', ')}.`,
  how: (/** @type {number} */ length, /** @type {number} */ seeds, /** @type {string} */ formed) =>
    `Mean attention on ${length} random tokens twice over, ${count(seeds, 'seed')}, without a token that opens the text. Rows are layers, the deepest on top, columns heads; a head “does mostly that” from ${formed} on, a limit of ours. Elhage et al. (2021), Olsson et al. (2022).`,
};

export const ends = {
  promotes: 'promotes',
  suppresses: 'suppresses',
};

export const gamma = {
  label: 'Read ',
  through: 'through the final norm’s γ',
  without: 'as published, without a norm',
};

export const memories = {
  by: 'Ranked by ',
  weight: 'how much they write',
  effect: (/** @type {string} */ token) => `what they add to ${token}`,
  active: (/** @type {number} */ layer, /** @type {number} */ share, /** @type {number} */ neurons) =>
    `The MLP of block ${layer}: ${percent(share)} of its ${count(neurons, 'neuron')} are active here.`,
  explained: (/** @type {number} */ n, /** @type {number} */ share) =>
    `These ${n} make up ${percent(Math.max(share, 0))} of what it wrote.`,
  /** @param {Part} token @param {string[]} neurons @returns {Part[]} */
  layerTop: (token, neurons) => [
    'As a whole it promotes ',
    token,
    ' most; ',
    neurons.length === 0
      ? 'no neuron does so by itself: it is composed.'
      : neurons.length <= 3
        ? `so does ${neurons.join(', ')} by itself.`
        : `so do ${count(neurons.length, 'neuron')} by themselves.`,
  ],
  nothing: 'No MLP has written to the embedding yet; choose a row above it.',
  weightMeans:
    'The bar is activation times the length of the neuron’s value. ↑ is what it promotes here, ↓ what it suppresses.',
  effectMeans:
    'The bar is what it adds to that token’s centred logit in this row. ↑ is what it promotes here, ↓ what it suppresses.',
  direct: 'Direct effect only; press a neuron to see it by itself.',
  papers:
    'After Geva et al. (2021, 2022): each neuron is a memory, its key a pattern in the text, its value a push towards some tokens.',
};

export const neuron = {
  label: (/** @type {string} */ name) => `Neuron ${name}`,
  value: 'Its value, when it is active: tokens by what it adds to their logits, before scaling.',
  key: 'Its key: tokens whose embedding alone would excite it most, and least.',
  most: 'most',
  least: 'least',
  fires: 'Where in this text it is most active, and where the token that followed stands among those that it promotes.',
  at: 'at',
  activation: 'activation',
  next: 'then came',
  rank: 'rank',
  end: 'the end',
  position: (/** @type {number} */ p) => `To position ${p}`,
  silent: 'It is active nowhere in this text.',
  said: (/** @type {number} */ share) =>
    `At ${percent(share)} of these, what followed is the token that it promotes most.`,
};

export const weights = {
  score: 'Copying score ',
  scores: {
    copying: {
      name: 'by eigenvalues',
      means: (/** @type {number} */ _names) =>
        'Whether a head, when it attends to a token, makes that same token more probable: Σ Re λ / Σ |λ| of its OV circuit (Elhage et al. 2021). The model’s, whatever the prompt.',
    },
    copied: {
      name: 'names repeated',
      means: (/** @type {number} */ names) =>
        `The share of ${names} names that are among the five tokens a head says of them, when all it attends to is the name after block 0 (Wang et al. 2023).`,
    },
    turned_round: {
      name: 'names, sign turned',
      means: (/** @type {number} */ names) =>
        `The same share of ${names} names with what the head writes turned round: high for a head that lowers what it attends to (Wang et al. 2023, negative name movers).`,
    },
  },
  map: (/** @type {string} */ score) => `The copying score of each head, ${score}, by layer`,
  head: (/** @type {string} */ name) => `Head ${name}`,
  lowers: '−1 lowers it',
  raises: '+1 raises it',
  press: 'Press a head to see its circuits.',
  tied: 'This model reads and writes tokens by the same matrix, which shifts all these scores together: compare heads with one another, and make nothing of a sign alone. Every token counts alike in it, rare ones too.',
  composition:
    'Heads in lower blocks whose output it reads most, in hundredths above what random weights would give (composition):',
  parts: { q: 'for its queries: ', k: 'for its keys: ', v: 'for its values: ' },
  papers:
    'After Elhage et al. (2021): OV and QK circuits, eigenvalues, composition; and Dar et al. (2022): weights read as tokens. Without biases and without the norms’ scale. Direct effect only.',
};

export const head = {
  ov: 'OV, attended to → what becomes more or less probable:',
  raises: 'raises most',
  lowers: 'lowers most',
  qk: 'QK, the token that asks → the one it attends to, most and least:',
  most: 'most',
  least: 'least',
  rare: 'Tokens that were rare in training often come first: their embeddings have hardly been used.',
  /** @param {Part} token @returns {Part[]} */
  writes: (token) => ['Attending to ', token, ', the token of the selected column, it'],
  /** @param {Part} token @returns {Part[]} */
  attends: (token) => ['At ', token, ', by the token’s embedding alone, it attends'],
};

export const promoters = {
  /** @param {Part} token @returns {Part[]} */
  title: (token) => ['Neurons that promote ', token],
  means:
    'Of all blocks, by what the neuron’s value adds to that token’s centred logit, before scaling, for an activation of 1.',
};

export const share = {
  menu: 'Share',
  link: 'Copy the link to this experiment',
  svg: 'Save the grid as a picture (SVG)',
  png: 'Save the grid as a picture (PNG)',
  csv: 'Save the cells as a table (CSV)',
  json: 'Save every number (JSON)',
  code: 'Copy as TransformerLens code',
  command: 'Copy as a command line',
  print: 'Print',
  copied: 'Copied',
  byHand: 'This page may not write to the clipboard; copy the text from here:',
  close: 'Close',
  failed: (/** @type {string} */ message) => `That did not work: ${message}`,
};

export const about = {
  label: 'About',
  paragraphs: [
    'The logit lens takes what the model holds at some depth, its residual stream, and reads it as if it were already the last: through the final norm, into words. Read a column upwards and see a guess being made.',
    'It is a view, not the model’s own voice: early rows mislead, the norm matters, and frequent tokens are favoured. · is a space, ↵ a new line, ∅ the start of the text.',
    'The model runs on this page. Nothing leaves this computer.',
  ],
  more: 'More',
  open: 'About the lens',
  light: 'Light',
  dark: 'Dark',
  title: 'About the logit lens',
  sections: [
    {
      title: 'What it is',
      points: [
        'A transformer adds to one running vector at each position, the residual stream: first the embedding, then what each block writes. After the last block a final norm and one matrix (W_U, the unembedding) turn it into a probability for every token.',
        'The lens does that last step early. After each block it applies the same norm and the same matrix, and shows what would come out if the model stopped there.',
        'The output row is no lens: it is the model’s own answer.',
      ],
    },
    {
      title: 'What it is not',
      points: [
        'Not the model’s thoughts. A row’s word is what the last layer’s reader makes of it; nothing obliges a middle layer to write in that language.',
        'Early rows mislead. Much of what they hold is for the layers above, and the lens reads it as words all the same. The tuned lens was made for that.',
        'The norm matters. The final norm was trained on the last row alone; recomputed for each row, frozen, or left out, it gives other pictures, and published tools differ here.',
        'Frequent tokens are favoured. Where the stream says little, the words that are common in the training text win.',
        'Not a cause. That a token leads at some layer does not say which part of the model put it there.',
      ],
    },
    {
      title: 'How to read the grid',
      points: [
        'One column for each token, one row for each depth; “after block 3” is the stream after the fourth block, for blocks count from 0.',
        'A column tells of the token that comes after it, not of the one above it.',
        '· is a space that belongs to the token, ↵ a new line, ⇥ a tab, ∅ the start of the text (or its end), ‹E2› a raw byte: a token may be half a character.',
        'The bottom row reads a token’s own embedding, before any block has worked on it. Common words come back as themselves; a rarer one may come back as a stray piece of a word or a byte that has nothing to do with it.',
        'The first column often looks odd. The model treats the first position in a way of its own.',
        'The tokens shown and their logits are exact. With a vocabulary as large as GPT-2’s, entropy and KL may be off by some thousandths of a nat and a rank beyond the list by one in a thousand: these are counted in rounded logits, which is what makes it fast.',
      ],
    },
  ],
  lensesTitle: 'How far each lens is from the output',
  lensesNote: (/** @type {string} */ positions) =>
    `Means over ${positions} positions of text that neither the model nor a lens was fitted on, in nats. The Jacobian lenses were not made to guess the next token: their KL is shown, and is no mark of their quality.`,
  lensesMeasures: /** @type {Record<string, string>} */ ({
    kl: 'KL from the output',
    cross_entropy: 'cross-entropy of the next token',
    entropy: 'entropy',
  }),
  lensesRow: 'row',
  papersTitle: 'Where it comes from',
  papers: [
    {
      who: 'nostalgebraist',
      year: 2020,
      title: 'interpreting GPT: the logit lens',
      where: 'LessWrong.',
      url: 'https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens',
    },
    {
      who: 'Belrose et al.',
      year: 2023,
      title: 'Eliciting Latent Predictions from Transformers with the Tuned Lens',
      where: 'arXiv 2303.08112.',
      url: 'https://arxiv.org/abs/2303.08112',
    },
    {
      who: 'Geva, Schuster, Berant, Levy',
      year: 2021,
      title: 'Transformer Feed-Forward Layers Are Key-Value Memories',
      where: 'arXiv 2012.14913.',
      url: 'https://arxiv.org/abs/2012.14913',
    },
    {
      who: 'Elhage et al.',
      year: 2021,
      title: 'A Mathematical Framework for Transformer Circuits',
      where: 'Transformer Circuits Thread.',
      url: 'https://transformer-circuits.pub/2021/framework/index.html',
    },
    {
      who: 'Dar, Geva, Gupta, Berant',
      year: 2022,
      title: 'Analyzing Transformers in Embedding Space',
      where: 'arXiv 2209.02535.',
      url: 'https://arxiv.org/abs/2209.02535',
    },
    {
      who: 'Meng, Bau, Andonian, Belinkov',
      year: 2022,
      title: 'Locating and Editing Factual Associations in GPT',
      where: 'arXiv 2202.05262.',
      url: 'https://arxiv.org/abs/2202.05262',
    },
    {
      who: 'Wang et al.',
      year: 2023,
      title: 'Interpretability in the Wild: a Circuit for Indirect Object Identification in GPT-2 small',
      where: 'ICLR; arXiv 2211.00593.',
      url: 'https://arxiv.org/abs/2211.00593',
    },
    {
      who: 'Radford et al.',
      year: 2019,
      title: 'Language Models are Unsupervised Multitask Learners',
      where: 'OpenAI; the architecture of the model.',
      url: 'https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf',
    },
  ],
  papersNote:
    'These links, and the models that you open from the hub, are all that leads elsewhere, and only when you ask for it.',
  recipeTitle: 'The same numbers in Python',
  recipeNote: 'The repository’s command line reads the same models with the same code:',
  private: 'Nothing leaves this computer.',
  privateNote:
    'The model runs in this page. What you type goes nowhere but into the address bar, and from there only where you send it.',
};

export const keys = {
  title: 'Keys',
  projector: 'Projector',
  leave: 'Leave',
  page: [
    ['/', 'to the prompt'],
    ['Esc', 'closes what is open; from the prompt to the grid'],
    ['↑ ↓ ← →', 'move in the grid'],
    ['Home End', 'first and last column; with Ctrl, first and last cell'],
    ['Enter', 'pins the cell’s token, or lets it go'],
    ['P', 'projector: large, bare and light, layer by layer'],
    ['?', 'these keys'],
    ['Ctrl + Z', 'in the prompt: undoes, also an example'],
  ],
  inProjector: [
    ['↑ or →', 'shows the next layer, from the embedding on'],
    ['↓ or ←', 'hides it again'],
    ['Home End', 'only the embedding; all layers'],
    ['?', 'hides the output row, and shows it; → shows it at last, too'],
    ['Shift + ← →', 'another column'],
    ['P or Esc', 'leaves'],
  ],
};

export const projector = {
  hidden: 'The output is hidden',
  hint: [
    ['→', 'next layer'],
    ['←', 'back'],
    ['End', 'all'],
    ['?', 'hides or shows the output'],
    ['Esc', 'leaves'],
  ],
};

export const trouble = {
  linkBroken: (/** @type {string} */ message) =>
    `This link cannot be read: ${bare(message)}. Here is the first example instead.`,
  linkBrokenLater: (/** @type {string} */ message) =>
    `This link cannot be read: ${bare(message)}. What was here stays.`,
  linkLong: (/** @type {number} */ has, /** @type {number} */ most) =>
    `it has ${has} characters, and ${most} is the most a link may have`,
  linkPair: (/** @type {string} */ pair) => `“${pair}” is not of the form path=value`,
  linkDeep: (/** @type {number} */ most) => `a path is more than ${most} keys deep`,
  linkTwice: (/** @type {string} */ path) => `“${path}” is said twice`,
  linkInside: (/** @type {string} */ path) => `“${path}” lies inside a plain value`,
  linkNested: 'a value in it is nested too deeply',
  linkEncoding: (/** @type {string} */ text) => `“${text}” is not percent-encoded UTF-8`,
  linkModel: (/** @type {string} */ ref) => `it asks for the model “${ref}”, which this page does not have`,
  linkNoLens: 'it has no lens reading for the page to draw',
  linkTooLongToWrite: 'This prompt is too long for a link; the address bar keeps an earlier one.',
  crashed: 'The engine stopped unexpectedly and is being started again.',
  noTable: (/** @type {string} */ name, /** @type {number} */ read) =>
    `the engine gave no table “${name}” for read ${read}`,
  /** @typedef {{dims: string[], size: number}} Shape @param {string} name @param {Shape} got @param {Shape} wanted */
  tableShape: (name, got, wanted) =>
    `table “${name}” is [${got.dims.join(', ')}] with ${count(got.size, 'value')}, not [${wanted.dims.join(', ')}] with ${count(wanted.size, 'value')}`,
  noWorker: 'its worker could not be started',
  messageLost: 'a message was lost',
  restarted: 'The engine stopped unexpectedly and was started again.',
  crashedAgain: (/** @type {string} */ message) => `The engine stopped again: ${message}. Reload the page to go on.`,
  http: (/** @type {string} */ file, /** @type {number} */ status, elsewhere = false) =>
    `${file} could not be loaded: the server answered ${status}.${elsewhere ? ' Try again later, or download the files and drop them here.' : ''}`,
  html: (/** @type {string} */ file) => `${file} could not be loaded: the server sent a web page in its place.`,
  /** @param {string} file @param {number} got bytes @param {number | null} wanted */
  cutOff: (file, got, wanted) => {
    const rounded = wanted === null || megabytes(got) !== megabytes(wanted);
    const said = (/** @type {number} */ n) => (rounded ? megabytes(n) : count(n, 'byte'));
    return `${file} is incomplete: ${said(got)} came, ${wanted === null ? 'more' : said(wanted)} were expected.`;
  },
  changed: (/** @type {string} */ file) =>
    `${file} was changed on the server while it was loaded. Nothing of it was kept; open it again.`,
  otherRange: (/** @type {string} */ file) =>
    `${file} could not be loaded: the server sent another part of it than it was asked for. Nothing of it was kept; try again later, or download the files and drop them here.`,
  large: (/** @type {string} */ file, /** @type {number} */ bytes) =>
    `${file} has ${megabytes(bytes)}, which is more than such a file of a GPT-2 can have. It is not read.`,
  indexName: (/** @type {string} */ index, /** @type {string} */ file) =>
    `${index} names a file outside its folder, or none with weights: “${file}”. Nothing of that is fetched; correct the index.`,
  indexMany: (/** @type {string} */ index, /** @type {number} */ most) =>
    `${index} names more than ${most} files. Nothing of that is fetched.`,
  savedDamaged: (/** @type {string} */ title, /** @type {string} */ file) =>
    `${title} was saved on this device, but its ${file} is no longer what it was, so it was removed. It can be fetched again.`,
  /** @param {string} title @param {import('#lens').Precision} asked @param {import('#lens').Precision} instead */
  noRoomAs: (title, asked, instead) =>
    `${title} has no room in WebAssembly’s 4 GB of memory if its weights are ${keptAs(asked)}. Open it with its weights ${keptAs(instead)}: look it up in the menu.`,
  noRoom: (/** @type {string} */ title, /** @type {number} */ bytes) =>
    `${title} is too large for this page: even rounded to Q8_0 its weights take ${megabytes(bytes)}, and WebAssembly’s memory ends at 4 GB. The command line, build/native/lens, has no such end.`,
  shrunk: (/** @type {string} */ file) =>
    `${file} is shorter now than what came of it; it was changed since. Nothing of it was kept; open it again.`,
  unreachable: (/** @type {string} */ file, /** @type {string | null} */ host) =>
    host === null
      ? `${file} could not be loaded: the connection failed.`
      : `${file} could not be loaded: there is no connection to ${host}, or it does not let other pages read its files (CORS). Download the files and drop them here.`,
  busy: (/** @type {string} */ file, /** @type {number | null} */ seconds) =>
    `${file} could not be loaded: the server has had too many requests (429). Try again ${seconds ? `in ${count(seconds, 'second')}` : 'in a while'}.`,
  tooLong: (/** @type {string} */ file, /** @type {number} */ wanted) =>
    `${file} is longer than the ${count(wanted, 'byte')} that were expected; it was changed while it was loaded. Try again.`,
  noLength: (/** @type {string} */ file) => `${file} could not be loaded: the server does not say how long it is.`,
  wrongHash: (/** @type {string} */ file) =>
    `${file} arrived damaged: its sha256 is not the one that the hub gives. Nothing of it was kept; open it again.`,
  unreadable: (/** @type {string} */ file) =>
    `${file} can no longer be read; it was moved or changed since it was chosen. Choose it again.`,
  ref: (/** @type {string} */ text) =>
    `“${text}” names no model: write owner/name, as in openai-community/gpt2, or ./NAME for a folder in models/ beside this page.`,
  hubAnswer: (/** @type {string} */ name) => `The hub’s answer about ${name} could not be understood. Try again later.`,
  hubMissing: (/** @type {string} */ name) =>
    `The hub has no public model ${name}. If it needs a login, download its files there and drop them here.`,
  hubFile: (/** @type {string} */ name, /** @type {string} */ file) => `${name} has no file ${file}.`,
  hubSeveral: (/** @type {string} */ name, /** @type {string[]} */ files) =>
    `${name} holds several models. Add the one to open: ${name}:${files[0]}. There are ${files.slice(0, 12).join(', ')}${files.length > 12 ? ', …' : ''}.`,
  pickled: (/** @type {string} */ name) =>
    `${name} has its weights only in a form that can hold programs (.bin, .pt, .h5). Convert it to safetensors first, or look for another copy.`,
  noWeights: (/** @type {string} */ name) =>
    `${name} has no .safetensors and no .gguf file, so there is no model in it to open.`,
  noWeightsDropped: (/** @type {string[]} */ names) =>
    `There are no weights in ${names.slice(0, 3).join(', ')}: a model is one .gguf file, or .safetensors with its config.json. Add them.`,
  wantsHub: (/** @type {string} */ ref) =>
    `This link asks for ${ref}, a model of huggingface.co. Nothing is fetched from there before you say so; until then, here is the page’s own model.`,
  wantsFile: (/** @type {string} */ name) =>
    `This link asks for “${name}”, a file of whoever made it. If you have that file, drop it here; until then, here is the page’s own model.`,
  openingCancelled:
    'Loading was stopped; the model from before is still here. What came is kept if the browser allows it: the next try goes on there.',
  othersPins: (/** @type {string} */ message) =>
    `What was pinned or given as ids is not this model’s: ${bare(message)}. It was let go.`,
  json: (/** @type {string} */ file) => `${file} is not JSON.`,
  cancelled: 'Loading was stopped. Nothing can be computed until the model is here.',
  noWasm:
    'The engine cannot run here: this browser is without WebAssembly or its SIMD instructions, or the file is damaged.',
  catalog: 'models/catalog.json is not a catalog of models.',
  counts: (/** @type {string} */ file) => `${file} does not hold a count for each token of this model.`,
};

export const story = {
  /** @returns {Part[]} */
  atTheStart: () => ['At the very start, before any text, the model '],
  /** @param {Part} token @returns {Part[]} */
  after: (token) => ['After ', token, ' the model '],
  /** @param {Part} answer @returns {Part[]} */
  says: (answer) => ['says ', answer],
  /** @param {Part} prob @returns {Part[]} */
  with: (prob) => [' with\u00a0probability\u00a0', prob],
  /** @param {Part} prob @returns {Part[]} */
  withoutNorm: (prob) => [', to which this reading without the final norm gives ', prob],
  /** @param {Part} answer @returns {Part[]} */
  leansTo: (answer) => ['leans to ', answer],
  /** @param {Part} token @param {Part} prob @returns {Part[]} */
  levelWith: (token, prob) => [', all but level with ', token, ' ', prob],
  /** @param {Part} token @param {Part} prob @returns {Part[]} */
  justAheadOf: (token, prob) => [', just ahead of ', token, ' ', prob],
  /** @returns {Part[]} */
  throughout: () => [', leading throughout, from the embedding on.'],
  /** @param {string} since @param {Part} before @returns {Part[]} */
  since: (since, before) => [`, leading since ${since}; one row lower `, before, ' led.'],
  /** @param {{after: string}} early @param {string} since @param {Part} before @returns {Part[]} */
  again: (early, since, before) => [
    `, leading again since ${since} (first ${early.after}); one row lower `,
    before,
    ' led.',
  ],
  /** @param {Part} before @returns {Part[]} */
  onlyAtTheOutput: (before) => [', leading only at the output; one row lower ', before, ' led.'],
  /** @param {Part} reads @returns {Part[]} */
  neverHere: (reads) => ['; read with this norm, even the last row still has ', reads, '.'],
  /** @param {string} row @param {string} nats @returns {Part[]} */
  changedMost: (row, nats) => [` The guess changed most at ${row}, by ${nats} nats.`],
  /** @param {Part} token @param {{since: string}} row @returns {Part[]} */
  lost: (token, row) => [' The text goes on with ', token, `, which led up to ${row.since} and lost.`],
  /** @returns {Part[]} */
  asksAtTheStart: () => ['At the very start, before any text: what does the model say?'],
  /** @param {Part} token @returns {Part[]} */
  asksAfter: (token) => ['After ', token, ': what does the model say?'],
  theOutput: () => 'the output',
};

/**
 * How a row of the residual stream is called. `lead` is the part of the label that a narrow page leaves out.
 * @param {string} hook
 * @returns {{lead: string, label: string, since: string, after: string}}
 */
export function rowName(hook) {
  const [, block, site] = /^blocks\.(\d+)\.hook_resid_(pre|mid|post)$/.exec(hook) ?? [];
  if (site === 'pre' && block === '0')
    return { lead: '', label: embedRow, since: 'the embedding', after: 'at the embedding' };
  if (site === 'pre')
    return {
      lead: 'before block ',
      label: block,
      since: `the input of block ${block}`,
      after: `before block ${block}`,
    };
  if (site === 'mid')
    return {
      lead: 'inside block ',
      label: block,
      since: `the middle of block ${block}`,
      after: `inside block ${block}`,
    };
  if (site === 'post')
    return { lead: 'after ', label: `block ${block}`, since: `block ${block}`, after: `after block ${block}` };
  return { lead: '', label: hook, since: hook, after: `at ${hook}` };
}

export const embedRow = 'embed';
export const outputRow = 'output';

/**
 * A cell for a screen reader: `cell` from the cell outwards, as one moves in the table; `whole` from its place inwards.
 * @param {{row: string, position: number, token: string | null, top: string, measure: string, value: string,
 *          answer: string | null, hatched: boolean}} cell  token: null at the start of a text; answer: where the top token is another
 */
export function spokenCell({ row, position, token, top, measure, value, answer, hatched }) {
  const where = token === null ? `${row}, at the start of the text` : `${row}, at ${token}, position ${position}`;
  const what = `${top}, ${measure} ${value}${hatched ? ', hatched' : ''}`;
  return {
    cell: `${what}; ${where}`,
    whole: `${where}: ${what}${answer === null ? ', the final answer' : `; final answer ${answer}`}`,
  };
}

/** @param {number} n */
export function megabytes(n) {
  if (n < 1e6) return `${Math.round(n / 1e3)} kB`;
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;
}

/** @param {number} share */
function percent(share) {
  return share >= 0.005 ? `${Math.round(100 * share)} %` : share > 0 ? '< 1 %' : '0 %';
}

/** 1,234,567. By hand, because the browser's own formats take as long to be made as the first grid to be drawn. @param {number} n an integer */
export function grouped(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** @param {number} n @param {string} noun */
function count(n, noun) {
  return `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** @param {string} message */
function bare(message) {
  return message.replace(/\.$/, '');
}

/** @param {number} n */
function millions(n) {
  if (n < 1e5) return grouped(n);
  return n < 1e8 ? `${(n / 1e6).toFixed(1)} M` : `${Math.round(n / 1e6)} M`;
}
