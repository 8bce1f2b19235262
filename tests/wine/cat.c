/* Copies stdin to stdout until its end, as `cat` does: a program for `ws serve --exec` that Wine does not bring. */

#include <fcntl.h>
#include <io.h>
#include <stdio.h>

int main(void)
{
    static char buffer[1 << 16];
    int count;

    _setmode(0, _O_BINARY);
    _setmode(1, _O_BINARY);
    while ((count = _read(0, buffer, sizeof buffer)) > 0) {
        int at = 0;
        while (at < count) {
            int written = _write(1, buffer + at, count - at);
            if (written <= 0) {
                return 1;
            }
            at += written;
        }
    }
    return count < 0;
}
