// What the scenarios do with a component again and again. Each function ends the program when it cannot.
#pragma once

#include <memory>
#include <string>

#include "component.h"
#include "scenario.h"

std::unique_ptr<AddIn> load(const std::string& library);
std::unique_ptr<Component> create(const AddIn& add_in, Memory& memory, const char16_t* class_name);

// The JSON text that a call answered with; a fault at the border or a failed call ends the program.
std::u16string answer(const Outcome& outcome);
bool is_success(const std::u16string& answer);
// The text after `"NAME":`, up to the next comma or brace, without its quotes.
std::string field(const std::u16string& answer, const char* name);

// Starts a server on a free port of loopback, and returns the port.
int start_server(Component& server);
void connect(Component& client, int port);
std::u16string url(int port);

// Ends an object; late calls to its connection are a fault too.
void destroy(Component& component, Ending ending);
// No block is live and none was freed twice.
void check_balance(Memory& memory);
