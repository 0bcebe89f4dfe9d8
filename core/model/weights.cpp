#include "model/weights.h"

namespace lens {

std::vector<WeightSlot> weight_table(const Config& c, Weights& w) {
  std::vector<WeightSlot> table;
  const auto vector = [&](std::string name, std::vector<std::size_t> shape, std::vector<float>& field) {
    table.push_back({std::move(name), std::move(shape), Layout::vector, &field});
  };
  const auto projection = [&](std::string name, std::size_t in, std::size_t out, PackedMatrix& field) {
    table.push_back({std::move(name), {in, out}, Layout::projection, &field});
  };
  const auto embedding = [&](std::string name, PackedMatrix& field) {
    table.push_back({std::move(name), {c.d_vocab, c.d_model}, Layout::embedding, &field});
  };
  const auto layer_norm = [&](const std::string& name, LayerNormWeights& field) {
    vector(name + ".weight", {c.d_model}, field.gamma);
    vector(name + ".bias", {c.d_model}, field.beta);
  };

  if (!c.tied_head) embedding("lm_head.weight", w.W_U);
  embedding("wte.weight", c.tied_head ? w.W_U : w.W_E.emplace());
  vector("wpe.weight", {c.n_ctx, c.d_model}, w.W_pos);
  w.blocks.resize(c.n_layer);
  for (std::size_t l = 0; l < c.n_layer; ++l) {
    const std::string h = "h." + std::to_string(l);
    BlockWeights& b = w.blocks[l];
    layer_norm(h + ".ln_1", b.ln_1);
    projection(h + ".attn.c_attn.weight", c.d_model, 3 * c.d_model, b.W_QKV);
    vector(h + ".attn.c_attn.bias", {3 * c.d_model}, b.b_QKV);
    projection(h + ".attn.c_proj.weight", c.d_model, c.d_model, b.W_O);
    vector(h + ".attn.c_proj.bias", {c.d_model}, b.b_O);
    layer_norm(h + ".ln_2", b.ln_2);
    projection(h + ".mlp.c_fc.weight", c.d_model, c.d_mlp, b.W_in);
    vector(h + ".mlp.c_fc.bias", {c.d_mlp}, b.b_in);
    projection(h + ".mlp.c_proj.weight", c.d_mlp, c.d_model, b.W_out);
    vector(h + ".mlp.c_proj.bias", {c.d_model}, b.b_out);
  }
  layer_norm("ln_f", w.ln_f);
  return table;
}

}  // namespace lens
