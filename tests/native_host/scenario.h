// The scenarios that need speed, threads or a seed, and so are no script. Each prints one JSON object of figures.
#pragma once

#include <map>
#include <string>

// `NAME=NUMBER` arguments with their defaults.
class Settings {
 public:
  explicit Settings(std::map<std::string, long> values) : values_(std::move(values)) {}
  // False if there is no setting of that name.
  bool set(const std::string& assignment);
  long operator[](const char* name) const;

 private:
  std::map<std::string, long> values_;
};

// Ends the program with a sentence: what a scenario found is wrong.
[[noreturn]] void broken(const std::string& why);

// A thread-safe source of numbers that a seed repeats.
class Dice {
 public:
  explicit Dice(unsigned long seed) : state_(seed * 2654435761u + 88172645463325252u) {}
  unsigned long long next();
  // 0 to `limit` - 1.
  unsigned long below(unsigned long limit) { return static_cast<unsigned long>(next() % limit); }

 private:
  unsigned long long state_;
};

int run_races(const std::string& library, const Settings& settings);
int run_loads(const std::string& library, const Settings& settings);
int run_crowd(const std::string& library, const Settings& settings);
int run_churn(const std::string& library, const Settings& settings);
int run_random(const std::string& library, const Settings& settings);
int run_speed(const std::string& library, const Settings& settings);
