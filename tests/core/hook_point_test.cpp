#include "model/hook_point.h"

#include <catch_amalgamated.hpp>

using namespace lens;

TEST_CASE("every site's name is read back as that site") {
  for (int site = 0; site <= static_cast<int>(Site::final_normalized); ++site) {
    const HookPoint hook{static_cast<Site>(site), is_in_block(static_cast<Site>(site)) ? 11 : 0};
    INFO(name_of(hook));
    REQUIRE(hook_named(name_of(hook)) == hook);
  }
}

TEST_CASE("hook names are TransformerLens' own") {
  REQUIRE(name_of({Site::resid_post, 3}) == "blocks.3.hook_resid_post");
  REQUIRE(name_of({Site::pattern, 9}) == "blocks.9.attn.hook_pattern");
  REQUIRE(name_of({Site::mlp_post, 0}) == "blocks.0.mlp.hook_post");
  REQUIRE(name_of({Site::final_scale}) == "ln_final.hook_scale");
}

TEST_CASE("what is not a hook's name is none") {
  for (const char* name : {"", "blocks", "blocks.", "blocks.x.hook_resid_pre", "blocks.-1.hook_resid_pre", "blocks.3",
                           "blocks.3.", "blocks.3.hook_embed", "blocks.99999999999.hook_z", "hook_resid_pre",
                           "blocks.3.hook_resid_post ", "blocks.3hook_resid_post"}) {
    INFO(name);
    REQUIRE(!hook_named(name));
  }
}
