// Receive calls a second, measured and printed, never judged. `queued`: the messages lie there already, so it is the
// price of the calls; `flowing`: another thread sends them meanwhile, one call a message, so the sender counts too.

#include <atomic>
#include <cstdio>

#include "parts.h"
#include "text.h"

namespace {

struct Rate {
  double seconds = 0;
  long messages = 0;
  long calls = 0;
};

void print(const char* name, const Rate& rate, const char* end) {
  std::printf("\"%s\":{\"messages\":%ld,\"calls\":%ld,\"seconds\":%.3f,\"messages_per_second\":%.0f,\"calls_per_second\":%.0f}%s", name,
              rate.messages, rate.calls, rate.seconds, static_cast<double>(rate.messages) / rate.seconds,
              static_cast<double>(rate.calls) / rate.seconds, end);
}

// Sends `count` messages from one object; they arrive at the other.
void send(Component& from, long method, const std::vector<Argument>& arguments, long count) {
  for (long i = 0; i < count; ++i) {
    while (true) {
      std::u16string sent = answer(from.call(method, arguments, true));
      if (is_success(sent)) break;
      if (field(sent, "errorCode") != "queue_full") broken("a send answered " + text::json(sent));
      os::pause_micros(200);
    }
  }
}

// Reads `count` messages: two calls each, the message's description and its payload.
void receive(Component& at, long receive_method, long take_method, const std::vector<Argument>& wait, std::size_t bytes, long count,
             Rate& rate) {
  double started = os::now();
  for (long i = 0; i < count; ++i) {
    std::u16string received = answer(at.call(receive_method, wait, true));
    if (!is_success(received)) broken("a receive answered " + text::json(received));
    Outcome payload = at.call(take_method, {}, true);
    if (payload.value.bytes.size() != bytes) broken("a payload of another size came");
  }
  rate.seconds += (os::now() - started) / 1000;
  rate.messages += count;
  rate.calls += 2 * count;
}

}  // namespace

int run_speed(const std::string& library, const Settings& settings) {
  auto add_in = load(library);
  Memory memory;
  auto bytes = static_cast<std::size_t>(settings["bytes"]);
  long batch = settings["batch"];
  auto server = create(*add_in, memory, u"Server");
  int port = start_server(*server);
  auto client = create(*add_in, memory, u"Client");
  connect(*client, port);

  std::vector<Argument> data, wait;
  data.push_back(Argument::bytes(std::string(bytes, 'd')));
  wait.push_back(Argument::i4(30000));
  long client_send = client->find_method(u"SendBinaryMessage");
  long next = server->find_method(u"GetNextConnectionData"), server_take = server->find_method(u"TakeData");
  client->fill(client_send, data);
  server->fill(next, wait);

  // The id of the connection, from its first message.
  send(*client, client_send, data, 1);
  std::u16string first = answer(server->call(next, wait, true));
  std::string id = field(first, "connectionId");
  answer(server->call(u"TakeData", {}));
  std::vector<Argument> to_client;
  to_client.push_back(Argument::text(std::u16string(id.begin(), id.end())));
  to_client.push_back(Argument::bytes(std::string(bytes, 'd')));
  long server_send = server->find_method(u"SendData");
  server->fill(server_send, to_client);
  long get = client->find_method(u"GetMessage"), client_take = client->find_method(u"TakeData");
  std::vector<Argument> client_wait;
  client_wait.push_back(Argument::i4(30000));

  Rate client_queued, client_flowing, server_queued, server_flowing;
  // The price of the calls alone: a batch lies in the queue before it is read.
  for (long done = 0; done < settings["messages"]; done += batch) {
    send(*server, server_send, to_client, batch);
    send(*client, client_send, data, batch);
    os::pause_micros(static_cast<unsigned>(settings["settle"]));
    receive(*client, get, client_take, client_wait, bytes, batch, client_queued);
    receive(*server, next, server_take, wait, bytes, batch, server_queued);
  }
  {
    os::Thread sender([&] { send(*server, server_send, to_client, settings["messages"]); });
    receive(*client, get, client_take, client_wait, bytes, settings["messages"], client_flowing);
  }
  {
    os::Thread sender([&] { send(*client, client_send, data, settings["messages"]); });
    receive(*server, next, server_take, wait, bytes, settings["messages"], server_flowing);
  }
  for (Component* component : {client.get(), server.get()}) {
    component->done();
    destroy(*component, Ending::kExport);
  }
  check_balance(memory);
  std::printf("{\"bytes\":%zu,", bytes);
  print("client_queued", client_queued, ",");
  print("client_flowing", client_flowing, ",");
  print("server_queued", server_queued, ",");
  print("server_flowing", server_flowing, "}\n");
  return 0;
}
