// Ends objects while a call of theirs waits in another thread.

#include <atomic>
#include <cstdio>

#include "parts.h"

namespace {

struct Race {
  // Set right before the call: the object may end before it begins, while it begins, and while it waits.
  std::atomic<bool> begins{false};
  double returned_at = 0;
  Outcome outcome;
};

struct Figures {
  long calls = 0, refused = 0, slow = 0;
  double slowest = 0;
};

void close_race(Race& race, os::Thread& caller, double ended_at, Figures& figures, long limit) {
  caller.join();
  if (!race.outcome.fault.empty()) broken(race.outcome.fault);
  double lag = race.returned_at - ended_at;
  ++figures.calls;
  figures.refused += !race.outcome.ok;
  figures.slow += lag > 100;
  if (lag > figures.slowest) figures.slowest = lag;
  if (lag > static_cast<double>(limit)) {
    broken("a call returned " + std::to_string(lag) + " ms after its object's end had begun, more than " + std::to_string(limit));
  }
}

}  // namespace

int run_races(const std::string& library, const Settings& settings) {
  auto add_in = load(library);
  Memory memory;
  Dice dice(static_cast<unsigned long>(settings["seed"]));
  Figures figures;
  {
    auto server = create(*add_in, memory, u"Server");
    int port = start_server(*server);
    os::SilentListener silent;
    for (long round = 0; round < settings["rounds"]; ++round) {
      // Which call waits: for a message of a client, for one of a server, for an answer to the opening handshake.
      long kind = round % 4;
      // Without Done before, as a host that is in a hurry does.
      bool direct = kind >= 2;
      bool is_server = kind == 1;
      auto component = create(*add_in, memory, is_server ? u"Server" : u"Client");
      const char16_t* method = is_server ? u"GetNextConnectionData" : kind == 2 ? u"CreateConnection" : u"GetMessage";
      if (is_server) {
        start_server(*component);
      } else if (kind != 2) {
        connect(*component, port);
      }
      std::vector<Argument> arguments;
      arguments.push_back(kind == 2 ? Argument::text(url(silent.port())) : Argument::i4(30000));
      long index = component->find_method(method);
      if (index < 0) broken("a method is missing");
      component->fill(index, arguments);

      Race race;
      Component& object = *component;
      os::Thread caller([&] {
        race.begins = true;
        race.outcome = object.call(index, arguments, true);
        race.returned_at = os::now();
      });
      while (!race.begins) os::pause_micros(1);
      if (kind == 2) {
        // The connection arrives only once the call is inside.
        if (!silent.accept(30000)) broken("CreateConnection did not dial");
      }
      if (dice.below(2) == 0) os::pause_micros(static_cast<unsigned>(dice.below(400)));
      double ended_at = os::now();
      if (direct) {
        destroy(object, round % 8 < 4 ? Ending::kExport : Ending::kFirstTable);
        close_race(race, caller, ended_at, figures, settings["limit"]);
      } else {
        object.done();
        close_race(race, caller, ended_at, figures, settings["limit"]);
        destroy(object, round % 8 < 4 ? Ending::kExport : Ending::kCpp);
      }
    }
    destroy(*server, Ending::kExport);
  }
  check_balance(memory);
  std::printf("{\"races\":%ld,\"refused\":%ld,\"over_100_ms\":%ld,\"slowest_ms\":%.1f,\"memory\":%s}\n", figures.calls,
              figures.refused, figures.slow, figures.slowest, memory.json().c_str());
  return 0;
}
