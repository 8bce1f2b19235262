#include "scenario.h"

#include <cstdio>
#include <cstdlib>

#include "text.h"

bool Settings::set(const std::string& assignment) {
  std::size_t equals = assignment.find('=');
  auto found = values_.find(assignment.substr(0, equals));
  if (equals == std::string::npos || found == values_.end()) return false;
  found->second = std::strtol(assignment.c_str() + equals + 1, nullptr, 10);
  return true;
}

long Settings::operator[](const char* name) const { return values_.at(name); }

void broken(const std::string& why) {
  std::printf("{\"broken\":%s}\n", text::json(why).c_str());
  std::fflush(stdout);
  std::_Exit(1);
}

unsigned long long Dice::next() {
  // xorshift64*
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 2685821657736338717u;
}
