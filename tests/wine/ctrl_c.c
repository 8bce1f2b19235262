/* Runs the command line that follows in a console of its own, presses Ctrl-C once it has printed a line, and returns its exit code. */
#include <windows.h>
#include <stdio.h>

static int fail(const char *what) {
  fprintf(stderr, "ctrl_c: %s: error %lu\n", what, GetLastError());
  return 255;
}

int main(int count, char **arguments) {
  char line[4096];
  if (count != 2 || snprintf(line, sizeof line, "%s", arguments[1]) >= (int)sizeof line) return fail("one command line is needed");
  FreeConsole();
  if (!AllocConsole()) return fail("no console");

  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  HANDLE reading, writing;
  if (!CreatePipe(&reading, &writing, &inherited, 0)) return fail("no pipe");
  SetHandleInformation(reading, HANDLE_FLAG_INHERIT, 0);
  STARTUPINFOA start = {0};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
  start.hStdOutput = start.hStdError = writing;
  PROCESS_INFORMATION process;
  if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process)) return fail("the program does not start");
  CloseHandle(writing);

  char first;
  DWORD read = 0, code = 0;
  while (ReadFile(reading, &first, 1, &read, NULL) && read == 1 && first != '\n') {
  }
  SetConsoleCtrlHandler(NULL, TRUE);
  if (!GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0)) return fail("Ctrl-C cannot be pressed");
  if (WaitForSingleObject(process.hProcess, 15000) != WAIT_OBJECT_0) {
    TerminateProcess(process.hProcess, 1);
    return fail("the program does not end");
  }
  if (!GetExitCodeProcess(process.hProcess, &code)) return fail("no exit code");
  return (int)code;
}
