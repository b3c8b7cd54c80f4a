/* `braid paths`: the paths that braidd knows, in the order in which it uses them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/json.h"

struct paths {
	struct bri_message_path *path;
	size_t n, room;
};

static void print_help(void)
{
	puts("Usage: braid paths [OPTION...]\n"
	     "Shows the paths that braidd knows, in the order in which it uses them, and why one\n"
	     "cannot be used.\n\n"
	     "  -j, --json         print JSON\n"
	     "  -s, --socket PATH  braidd's socket (default $BRAID_SOCKET, or\n"
	     "                     /run/braid/braidd.sock)\n"
	     "  -h, --help         this text\n\n"
	     "Exit codes: 0 printed, 1 braidd does not run or answer, 2 the command line is "
	     "wrong.");
}

static int on_path(void *context, const struct bri_message *entry)
{
	struct paths *paths = context;
	size_t room = paths->room ? 2 * paths->room : 16;
	void *more;

	if (entry->type != BRI_MESSAGE_PATH)
		return 0;
	if (paths->n == paths->room) {
		more = reallocarray(paths->path, room, sizeof(*paths->path));
		if (!more)
			return -ENOMEM;
		paths->path = more;
		paths->room = room;
	}
	paths->path[paths->n++] = entry->path;
	return 0;
}

static int by_order(const void *a, const void *b)
{
	const struct bri_message_path *x = a, *y = b;
	bool x_usable = x->flags & BRI_MESSAGE_PATH_USABLE;
	bool y_usable = y->flags & BRI_MESSAGE_PATH_USABLE;

	if (x_usable != y_usable)
		return x_usable ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static void print_path(const struct bri_message_path *path)
{
	char address[BRI_DAEMON_ADDRESS_SIZE], gateway[BRI_DAEMON_ADDRESS_SIZE];

	bri_daemon_address(&path->address, 0, address);
	bri_daemon_address(&path->gateway, 0, gateway);
	printf("%-15s %-8s %5u  %-25s %-25s ", path->name, bri_message_kind_word(path->kind),
		path->order, address, gateway);
	if (path->flags & BRI_MESSAGE_PATH_USABLE)
		fputs("usable", stdout);
	else
		printf("not usable%s%s", *path->why ? ": " : "", path->why);
	puts(path->flags & BRI_MESSAGE_PATH_METERED ? ", metered" : "");
}

static void print_paths(const struct paths *paths)
{
	if (paths->n == 0) {
		puts("braidd knows no path: no interface is up with an address and a default "
		     "route");
		return;
	}
	printf("%-15s %-8s %5s  %-25s %-25s %s\n", "INTERFACE", "KIND", "ORDER", "ADDRESS",
		"GATEWAY", "STATE");
	for (size_t i = 0; i < paths->n; i++)
		print_path(&paths->path[i]);
}

static void address_json(struct bri_json *json, const char *key, const struct bri_ip *ip)
{
	char text[BRI_DAEMON_ADDRESS_SIZE];

	bri_daemon_address(ip, 0, text);
	bri_json_string(json, key, ip->family ? text : NULL);
}

static void paths_json(const struct paths *paths)
{
	struct bri_json json;

	bri_json_init(&json, stdout);
	bri_json_object(&json, NULL);
	bri_json_array(&json, "paths");
	for (size_t i = 0; i < paths->n; i++) {
		const struct bri_message_path *path = &paths->path[i];

		bri_json_object(&json, NULL);
		bri_json_string(&json, "interface", path->name);
		bri_json_unsigned(&json, "index", path->ifindex);
		bri_json_string(&json, "kind", bri_message_kind_word(path->kind));
		bri_json_unsigned(&json, "order", path->order);
		address_json(&json, "address", &path->address);
		address_json(&json, "gateway", &path->gateway);
		bri_json_bool(&json, "usable", path->flags & BRI_MESSAGE_PATH_USABLE);
		bri_json_bool(&json, "metered", path->flags & BRI_MESSAGE_PATH_METERED);
		bri_json_string(&json, "why", *path->why ? path->why : NULL);
		bri_json_end_object(&json);
	}
	bri_json_end_array(&json);
	bri_json_end_object(&json);
}

int bri_cmd_paths(int argc, char **argv)
{
	struct bri_message request = { .type = BRI_MESSAGE_PATHS }, reply;
	struct paths paths = { .path = NULL };
	struct bri_daemon_ask opts;
	struct bri_client client;
	int code = bri_daemon_parse("paths", argc, argv, &opts), r;

	if (code != BRI_EXIT_OK)
		return code;
	if (opts.help) {
		print_help();
		return BRI_EXIT_OK;
	}
	code = bri_daemon_open("paths", opts.socket, &client);
	if (code != BRI_EXIT_OK)
		return code;
	r = bri_client_each(&client, &request, bri_daemon_deadline_ns(), &paths, on_path, &reply);
	code = bri_daemon_failed("paths", r, &reply);
	bri_client_close(&client);
	if (code == BRI_EXIT_OK) {
		if (paths.n > 1)
			qsort(paths.path, paths.n, sizeof(*paths.path), by_order);
		if (opts.json)
			paths_json(&paths);
		else
			print_paths(&paths);
	}
	free(paths.path);
	return code;
}
