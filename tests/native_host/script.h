// The interactive scenario: one command a line on standard input, one JSON object a line on standard output.
#pragma once

#include <string>

// Runs until `quit` or the end of the input; 0 if every line was understood.
int run_script(const std::string& library);
