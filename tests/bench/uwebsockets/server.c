/* µWebSockets behind the C functions of PyPI's socketify, which brings it built, on libuv instead of epoll:
 *   uwebsockets serve echo|broadcast
 * Prints its port, serves until standard input ends.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the library exports, as far as it is used here. */
typedef struct app app_t;
typedef struct websocket websocket_t;
struct listen_socket;

struct tls_options {
    const char *files[6];
    int prefer_low_memory;
};

struct listen_options {
    int port;
    const char *host;
    int options;
};

typedef void (*on_socket)(websocket_t *, void *);
typedef void (*on_message)(websocket_t *, const char *, size_t, int, void *);

struct behaviour {
    int compression;
    unsigned max_payload_length;
    unsigned short idle_timeout;
    unsigned max_backpressure;
    bool close_on_backpressure_limit;
    bool reset_idle_timeout_on_send;
    bool send_pings_automatically;
    unsigned short max_lifetime;
    void *upgrade;
    on_socket open;
    on_message message;
    void *drain, *ping, *pong, *close, *subscription;
};

app_t *uws_create_app(int ssl, struct tls_options options);
void uws_app_run(int ssl, app_t *app);
void uws_app_listen_with_config(int ssl, app_t *app, struct listen_options options,
                                void (*done)(struct listen_socket *, struct listen_options, void *), void *data);
void uws_ws(int ssl, app_t *app, const char *pattern, struct behaviour behaviour, void *data);
int uws_ws_send(int ssl, websocket_t *socket, const char *message, size_t length, int opcode);
bool uws_ws_subscribe(int ssl, websocket_t *socket, const char *topic, size_t length);
bool uws_publish(int ssl, app_t *app, const char *topic, size_t topic_length, const char *message, size_t length, int opcode,
                 bool compress);
int us_socket_local_port(int ssl, struct listen_socket *socket);

static app_t *app;

static void echo(websocket_t *socket, const char *message, size_t length, int opcode, void *data) {
    (void)data;
    uws_ws_send(0, socket, message, length, opcode);
}

static void subscribe(websocket_t *socket, void *data) {
    (void)data;
    uws_ws_subscribe(0, socket, "all", 3);
}

static void to_all(websocket_t *socket, const char *message, size_t length, int opcode, void *data) {
    (void)socket;
    (void)data;
    uws_publish(0, app, "all", 3, message, length, opcode, false);
}

static void announce(struct listen_socket *socket, struct listen_options options, void *data) {
    (void)options;
    (void)data;
    if (!socket) {
        fputs("cannot listen\n", stderr);
        exit(1);
    }
    printf("%d\n", us_socket_local_port(0, socket));
    fflush(stdout);
}

static void *end_with_stdin(void *nothing) {
    char bytes[64];
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0) {
    }
    _exit(0);
    return nothing;
}

int main(int count, char **words) {
    if (count < 3 || strcmp(words[1], "serve") != 0) {
        fputs("usage: serve echo|broadcast\n", stderr);
        return 2;
    }
    bool is_broadcast = strcmp(words[2], "broadcast") == 0;
    struct behaviour behaviour = {
        .max_payload_length = 16 << 20,
        .max_backpressure = 64 << 20,
        .open = is_broadcast ? subscribe : NULL,
        .message = is_broadcast ? to_all : echo,
    };
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_with_stdin, NULL) != 0) {
        return 1;
    }
    app = uws_create_app(0, (struct tls_options){{NULL}, 0});
    uws_ws(0, app, "/*", behaviour, NULL);
    uws_app_listen_with_config(0, app, (struct listen_options){0, "127.0.0.1", 0}, announce, NULL);
    uws_app_run(0, app);
    return 1;
}
