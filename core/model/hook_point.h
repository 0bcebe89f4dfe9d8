// Names for the sites of the forward pass, in TransformerLens' spelling.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lens {

// In the order in which the forward pass meets them. n is the number of positions.
enum class Site {
  embed,           // hook_embed                    [n, d_model]          W_E[token]
  pos_embed,       // hook_pos_embed                [n, d_model]          W_pos[position]
  resid_pre,       // blocks.L.hook_resid_pre       [n, d_model]
  ln1_scale,       // blocks.L.ln1.hook_scale       [n]                   sqrt(var + eps)
  ln1_normalized,  // blocks.L.ln1.hook_normalized  [n, d_model]          as W_Q, W_K, W_V meet it
  q,
  k,
  v,                 // blocks.L.attn.hook_q | k | v  [n, n_head, d_head]   with their biases
  attn_scores,       // blocks.L.attn.hook_attn_scores [n_head, n, n]       -inf above the diagonal
  pattern,           // blocks.L.attn.hook_pattern    [n_head, n, n]
  z,                 // blocks.L.attn.hook_z          [n, n_head, d_head]
  result,            // blocks.L.attn.hook_result     [n, n_head, d_model]  z W_O of each head, without b_O
  attn_out,          // blocks.L.hook_attn_out        [n, d_model]          with b_O
  resid_mid,         // blocks.L.hook_resid_mid       [n, d_model]
  ln2_scale,         // blocks.L.ln2.hook_scale       [n]
  ln2_normalized,    // blocks.L.ln2.hook_normalized  [n, d_model]          as W_in meets it
  mlp_pre,           // blocks.L.mlp.hook_pre         [n, d_mlp]
  mlp_post,          // blocks.L.mlp.hook_post        [n, d_mlp]            as W_out meets it
  mlp_out,           // blocks.L.hook_mlp_out         [n, d_model]          with b_out
  resid_post,        // blocks.L.hook_resid_post      [n, d_model]
  final_scale,       // ln_final.hook_scale           [n]
  final_normalized,  // ln_final.hook_normalized      [n, d_model]          what meets W_U
};

bool is_in_block(Site site);

struct HookPoint {
  Site site;
  int layer = 0;  // the block's number; 0 for the sites outside the blocks
  friend bool operator==(const HookPoint&, const HookPoint&) = default;
};

std::string name_of(HookPoint hook);                         // "blocks.3.hook_resid_post"
std::optional<HookPoint> hook_named(std::string_view name);  // nullopt when it is none of the above

}  // namespace lens
