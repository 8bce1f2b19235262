// Many threads call everything on the same two objects.

#include <atomic>
#include <cstdio>

#include "parts.h"
#include "text.h"

namespace {

// Arguments that make sense somewhere: texts, settings, numbers, payloads.
Argument plausible(Dice& dice, int port) {
  switch (dice.below(12)) {
    case 0:
      return Argument::text(u"");
    case 1:
      return Argument::text(url(port));
    case 2:
      return Argument::text(u"{\"use_tls\":false}");
    case 3:
      return Argument::text(u"{\"mode\":\"memory\",\"max_entries\":20}");
    case 4:
      return Argument::text(std::u16string(dice.below(300), u'Ж'));
    case 5:
      return Argument::bytes(std::string(dice.below(3000), 'b'));
    case 6:
      return Argument::boolean(dice.below(2) == 0);
    case 7:
      return Argument::r8(static_cast<double>(dice.below(5)));
    case 8:
      return Argument::text(u"1000");
    default:
      return Argument::i4(static_cast<std::int32_t>(dice.below(4)));
  }
}

}  // namespace

int run_crowd(const std::string& library, const Settings& settings) {
  auto add_in = load(library);
  Memory memory;
  std::atomic<long> calls{0}, failed{0};
  std::atomic<bool> over{false};
  auto server = create(*add_in, memory, u"Server");
  auto client = create(*add_in, memory, u"Client");
  // The one that the shared client finds; StopServer hits the other.
  auto standing = create(*add_in, memory, u"Server");
  int port = start_server(*standing);
  connect(*client, port);
  start_server(*server);

  auto body = [&](unsigned long seed) {
    Dice dice(seed);
    while (!over) {
      Component& object = dice.below(2) == 0 ? *client : *server;
      long method = static_cast<long>(dice.below(static_cast<unsigned long>(object.method_count())));
      std::u16string name = object.method_name(method, 0);
      // Dialling and listening stay on this machine.
      std::vector<Argument> arguments;
      if (name == u"CreateConnection") arguments.push_back(Argument::text(url(port)));
      if (name == u"StartServer") {
        arguments.push_back(Argument::i4(0));
        arguments.push_back(Argument::i4(10));
        arguments.push_back(Argument::text(u""));
        arguments.push_back(Argument::text(u"{\"address\":\"127.0.0.1\"}"));
      }
      while (static_cast<long>(arguments.size()) < object.parameter_count(method)) arguments.push_back(plausible(dice, port));
      Outcome outcome = object.call(method, arguments, dice.below(4) != 0);
      if (!outcome.fault.empty()) broken(outcome.fault);
      failed += !outcome.ok;
      if (field(outcome.value.units, "errorCode") == "internal") broken("a panic: " + text::json(outcome.value.units));
      ++calls;
      if (dice.below(8) == 0) {
        Outcome error = object.property(object.find_property(u"LastError"));
        if (!error.ok || !error.fault.empty()) broken("LastError: " + error.fault);
      }
    }
  };
  {
    std::vector<std::unique_ptr<os::Thread>> threads;
    for (long i = 0; i < settings["threads"]; ++i) {
      auto seed = static_cast<unsigned long>(settings["seed"] * 1000 + i);
      threads.emplace_back(new os::Thread([&body, seed] { body(seed); }));
    }
    double end = os::now() + static_cast<double>(settings["milliseconds"]);
    while (os::now() < end) os::pause_micros(10000);
    over = true;
  }
  for (Component* component : {client.get(), server.get(), standing.get()}) {
    component->done();
    destroy(*component, Ending::kExport);
  }
  check_balance(memory);
  if (calls == 0) broken("nobody called");
  std::printf("{\"threads\":%ld,\"calls\":%ld,\"answered_false\":%ld,\"memory\":%s}\n", settings["threads"], calls.load(), failed.load(),
              memory.json().c_str());
  return 0;
}
