#include "parts.h"

#include <cstdlib>

#include "text.h"

std::unique_ptr<AddIn> load(const std::string& library) {
  std::string error;
  auto add_in = AddIn::load(library, error);
  if (add_in == nullptr) broken(error);
  return add_in;
}

std::unique_ptr<Component> create(const AddIn& add_in, Memory& memory, const char16_t* class_name) {
  auto component = Component::create(add_in, memory, class_name, Order::kManagerFirst);
  if (component == nullptr) broken("no object of class " + text::json(std::u16string(class_name)));
  return component;
}

std::u16string answer(const Outcome& outcome) {
  if (!outcome.fault.empty()) broken(outcome.fault);
  if (!outcome.ok) broken("a call failed");
  return outcome.value.units;
}

bool is_success(const std::u16string& answer) { return field(answer, "result") == "true"; }

std::string field(const std::u16string& answer, const char* name) {
  std::string json(answer.begin(), answer.end());
  std::string key = std::string("\"") + name + "\":";
  std::size_t at = json.find(key);
  if (at == std::string::npos) return "";
  at += key.size();
  bool quoted = at < json.size() && json[at] == '"';
  if (quoted) return json.substr(at + 1, json.find('"', at + 1) - at - 1);
  return json.substr(at, json.find_first_of(",}]", at) - at);
}

int start_server(Component& server) {
  std::vector<Argument> arguments;
  arguments.push_back(Argument::i4(0));
  arguments.push_back(Argument::i4(1000));
  arguments.push_back(Argument::text(u""));
  arguments.push_back(Argument::text(u"{\"address\":\"127.0.0.1\"}"));
  std::u16string started = answer(server.call(u"StartServer", std::move(arguments)));
  int port = std::atoi(field(started, "port").c_str());
  if (!is_success(started) || port == 0) broken("StartServer answered " + text::json(started));
  return port;
}

std::u16string url(int port) {
  std::string text = "ws://127.0.0.1:" + std::to_string(port) + "/";
  return std::u16string(text.begin(), text.end());
}

void connect(Component& client, int port) {
  std::vector<Argument> arguments;
  arguments.push_back(Argument::text(url(port)));
  std::u16string connected = answer(client.call(u"CreateConnection", std::move(arguments)));
  if (!is_success(connected)) broken("CreateConnection answered " + text::json(connected));
}

void destroy(Component& component, Ending ending) {
  std::string error = component.destroy(ending);
  if (!error.empty()) broken(error);
  if (component.connection().late_calls() != 0) broken("the connection was used after the object's end");
}

void check_balance(Memory& memory) {
  Memory::Figures figures = memory.figures();
  if (figures.live != 0 || figures.bad != 0) broken("the memory manager tells " + memory.json());
}
