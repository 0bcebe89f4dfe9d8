// Tables as the text and JSON that the command line prints.
#pragma once

#include <string>

#include "base/json.h"
#include "engine/job.h"

namespace lens {

// A token as JSON: {"id", "text"}, and "bytes" where they are not UTF-8 and the text holds U+FFFD instead.
Json token_json(const LoadedModel& model, TokenId id);

// One reading as JSON; the shape is in the README ("The command line").
Json reading_json(const LoadedModel& model, const ReadTables& reading);

// For a terminal: the grid, or a cell's decomposition.
std::string text_of(const LoadedModel& model, const ReadTables& reading);

}  // namespace lens
