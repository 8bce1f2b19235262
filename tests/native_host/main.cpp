// A Native API host of our own: `native_host LIBRARY SCENARIO [NAME=NUMBER…]`.
//
// It knows the interface from its description alone and shares no code with the add-in.

#include <cstdio>
#include <cstring>

#include "os.h"
#include "scenario.h"
#include "script.h"

namespace {

struct Scenario {
  const char* name;
  int (*run)(const std::string& library, const Settings& settings);
  std::map<std::string, long> settings;
  const char* help;
};

int script(const std::string& library, const Settings&) { return run_script(library); }

// Ends by SIGPIPE where there is such a thing: this host would notice one.
int pipe(const std::string&, const Settings&) {
  os::write_into_broken_pipe();
  return 0;
}

const Scenario kScenarios[] = {
    {"script", &script, {}, "commands from standard input, see script.cpp"},
    {"races", &run_races, {{"rounds", 300}, {"seed", 1}, {"limit", 2000}}, "objects end while a call of theirs waits"},
    {"loads", &run_loads, {{"rounds", 200}, {"busy", 10}}, "loads and unloads"},
    {"churn", &run_churn, {{"threads", 8}, {"objects", 20000}}, "many threads make, call and end objects"},
    {"crowd", &run_crowd, {{"threads", 8}, {"milliseconds", 2000}, {"seed", 1}}, "many threads, two objects, every method"},
    {"random", &run_random, {{"rounds", 5000}, {"seed", 1}}, "values that no honest host would pass"},
    {"speed", &run_speed, {{"messages", 100000}, {"bytes", 125}, {"batch", 500}, {"settle", 5000}}, "receive calls a second"},
    {"sigpipe", &pipe, {}, "ends by SIGPIPE"},
};

int usage() {
  std::fprintf(stderr, "native_host LIBRARY SCENARIO [NAME=NUMBER…]\n");
  for (const Scenario& scenario : kScenarios) {
    std::fprintf(stderr, "  %-8s %s;", scenario.name, scenario.help);
    for (const auto& setting : scenario.settings) std::fprintf(stderr, " %s=%ld", setting.first.c_str(), setting.second);
    std::fprintf(stderr, "\n");
  }
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  os::prepare();
  if (count < 3) return usage();
  for (const Scenario& scenario : kScenarios) {
    if (std::strcmp(arguments[2], scenario.name) != 0) continue;
    Settings settings(scenario.settings);
    for (int i = 3; i < count; ++i) {
      if (!settings.set(arguments[i])) return usage();
    }
    return scenario.run(arguments[1], settings);
  }
  return usage();
}
