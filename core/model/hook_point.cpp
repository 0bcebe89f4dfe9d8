#include "model/hook_point.h"

#include <algorithm>
#include <charconv>

namespace lens {
namespace {

struct SiteName {
  Site site;
  std::string_view name;  // after "blocks.L." for the sites of a block
};

constexpr SiteName kBlockSites[] = {
    {Site::resid_pre, "hook_resid_pre"},
    {Site::ln1_scale, "ln1.hook_scale"},
    {Site::ln1_normalized, "ln1.hook_normalized"},
    {Site::q, "attn.hook_q"},
    {Site::k, "attn.hook_k"},
    {Site::v, "attn.hook_v"},
    {Site::attn_scores, "attn.hook_attn_scores"},
    {Site::pattern, "attn.hook_pattern"},
    {Site::z, "attn.hook_z"},
    {Site::result, "attn.hook_result"},
    {Site::attn_out, "hook_attn_out"},
    {Site::resid_mid, "hook_resid_mid"},
    {Site::ln2_scale, "ln2.hook_scale"},
    {Site::ln2_normalized, "ln2.hook_normalized"},
    {Site::mlp_pre, "mlp.hook_pre"},
    {Site::mlp_post, "mlp.hook_post"},
    {Site::mlp_out, "hook_mlp_out"},
    {Site::resid_post, "hook_resid_post"},
};
constexpr SiteName kOtherSites[] = {
    {Site::embed, "hook_embed"},
    {Site::pos_embed, "hook_pos_embed"},
    {Site::final_scale, "ln_final.hook_scale"},
    {Site::final_normalized, "ln_final.hook_normalized"},
};

}  // namespace

bool is_in_block(Site site) {
  for (const auto& [other, name] : kOtherSites)
    if (other == site) return false;
  return true;
}

std::string name_of(HookPoint hook) {
  for (const auto& [site, name] : kOtherSites)
    if (site == hook.site) return std::string(name);
  const auto* block_site = std::ranges::find(kBlockSites, hook.site, &SiteName::site);
  return "blocks." + std::to_string(hook.layer) + "." + std::string(block_site->name);
}

std::optional<HookPoint> hook_named(std::string_view name) {
  for (const auto& [site, other] : kOtherSites)
    if (other == name) return HookPoint{site};
  constexpr std::string_view prefix = "blocks.";
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  int layer = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (error != std::errc() || layer < 0) return std::nullopt;
  name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  if (!name.starts_with('.')) return std::nullopt;
  name.remove_prefix(1);
  for (const auto& [site, other] : kBlockSites)
    if (other == name) return HookPoint{site, layer};
  return std::nullopt;
}

}  // namespace lens
