// The grid on show as a program for somebody else's machine: Python for TransformerLens, or a line for our own `lens`.

/**
 * @typedef {object} Asked
 * @property {string} model   its title
 * @property {string} file    of the model, as it lies beside the page, or the name of its folder
 * @property {{repo: string, revision: string} | null} [hub]  where else it lies
 * @property {number[]} ids   of the tokens, BOS included where there is one
 * @property {string} tokens  as they are shown
 * @property {string} norm    "recomputed", "frozen" or "none"
 * @property {boolean} mid
 * @property {number} top
 * @property {{name: string, file: string} | null} lens  null for the raw one
 */

const NORMS = {
  recomputed: ["# The final norm, with each row's own mean and scale.", 'read = model.ln_final(resid)'],
  frozen: [
    "# Each row's own mean, the scale of the output row at the same position.",
    'centred = resid - resid.mean(-1, keepdim=True)',
    'read = centred / cache["ln_final.hook_scale"] * model.ln_final.w + model.ln_final.b',
  ],
  none: ['# No norm at all.', 'read = resid'],
};

/** @param {Asked} asked @returns {string} Python */
export function transformerLensCode({ model, file, hub = null, ids, tokens, norm, mid, top, lens }) {
  const from = hub
    ? `${JSON.stringify(hub.repo)}, revision=${JSON.stringify(hub.revision)}`
    : file.endsWith('.gguf')
      ? `".", gguf_file=${JSON.stringify(file)}`
      : JSON.stringify(file);
  const where = hub
    ? `# ${comment(model)} is read from the hub by transformers, as the page read it, and handed over.`
    : `# ${comment(model)} is not one of the models it knows by name, so its file is read by transformers and handed over; ${comment(file)} lies in the
# page's folder.`;
  const steps = NORMS[/** @type {keyof typeof NORMS} */ (norm)] ?? NORMS.recomputed;
  return `# The logit lens grid of the tokens
#   ${comment(tokens)}
# as TransformerLens computes it:  pip install transformer_lens "transformers>=4.46" gguf
${where} For another model that it knows, say: model = HookedTransformer.from_pretrained_no_processing("gpt2")
import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import AutoModelForCausalLM

hf = AutoModelForCausalLM.from_pretrained(${from})
c = hf.config
cfg = HookedTransformerConfig(
    n_layers=c.n_layer, d_model=c.n_embd, n_ctx=c.n_positions, n_heads=c.n_head, d_head=c.n_embd // c.n_head,
    d_mlp=c.n_inner or 4 * c.n_embd, d_vocab=c.vocab_size, act_fn="gelu_new", normalization_type="LN",
    eps=c.layer_norm_epsilon)
model = HookedTransformer(cfg)
model.load_state_dict(convert_gpt2_weights(hf, cfg), strict=False)
model.eval()

tokens = torch.tensor([[${ids.join(', ')}]])
with torch.no_grad():
    _, cache = model.run_with_cache(tokens)
    names = ["blocks.0.hook_resid_pre"]
    for layer in range(model.cfg.n_layers):
${mid ? '        names.append(f"blocks.{layer}.hook_resid_mid")\n' : ''}        names.append(f"blocks.{layer}.hook_resid_post")
    resid = torch.stack([cache[name][0] for name in names])  # [row, position, d_model]
${lens ? translation(lens.file) : ''}    ${steps.join('\n    ')}
    logits = read @ model.W_U + model.b_U
${lens ? CALIBRATION : ''}    prob, top = logits.softmax(-1).topk(${top})

for row in reversed(range(len(names))):  # the output on top
    print(names[row], [(int(top[row, p, 0]), round(float(prob[row, p, 0]), 3)) for p in range(tokens.shape[1])])
`;
}

/** Each row through the lens' translator of the block that reads it next. @param {string} file */
function translation(file) {
  return `    from safetensors.torch import load_file
    lens = {key: value.float() for key, value in load_file(${JSON.stringify(file)}).items()}
    blocks = [int(name.split(".")[1]) + name.endswith("post") for name in names]
    for row, block in enumerate(blocks):
        if f"{block}.weight" in lens:  # a tuned lens
            resid[row] += resid[row] @ lens[f"{block}.weight"].T + lens.get(f"{block}.bias", 0)
        elif f"{block}.jacobian" in lens:
            resid[row] = resid[row] @ lens[f"{block}.jacobian"].T
`;
}

const CALIBRATION = `    if "mean_log_prob" in lens:  # a calibrated lens
        mean = lens["mean_log_prob"]
        logits += (mean[-1] - mean[blocks])[:, None]
`;

/** @param {Asked} asked @returns {string} a line for a POSIX shell */
export function lensCommand({ file, ids, norm, mid, top, lens }) {
  const flags = [
    `--model ${shell(file)}`,
    ...(lens ? [`--lens-file ${shell(`${lens.name}=${lens.file}`)} --lens ${shell(lens.name)}`] : []),
    `--ids ${ids.join(',')}`,
    `--top ${top}`,
    ...(norm === 'recomputed' ? [] : [`--norm ${shell(norm)}`]),
    ...(mid ? ['--mid'] : []),
  ];
  return `lens read ${flags.join(' ')} --json`;
}

/** One line, whatever the tokens hold. @param {string} text */
function comment(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** @param {string} text */
function shell(text) {
  return /^[\w./-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A file name for what belongs to a prompt. @param {string} prompt @param {string} extension */
export function fileName(prompt, extension) {
  const words =
    prompt
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const slug = [...words.join('-')].slice(0, 48).join('').replace(/-$/, '');
  return `${['logit-lens', slug].filter(Boolean).join('-')}.${extension}`;
}
