/* `braid status`: what braidd is doing, and the connections it looks after. */
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/json.h"

static void print_help(void)
{
	puts("Usage: braid status [OPTION...]\n"
	     "Tells whether braidd runs and what it can do here, and shows the Multipath TCP\n"
	     "connections that it looks after: yours, or for root all, each with its service, "
	     "where\n"
	     "the service comes from, and its subflows.\n\n"
	     "  -j, --json         print JSON\n"
	     "  -s, --socket PATH  braidd's socket (default $BRAID_SOCKET, or\n"
	     "                     /run/braid/braidd.sock)\n"
	     "  -h, --help         this text\n\n"
	     "Exit codes: 0 braidd runs, 1 it does not run or answer, 2 the command line is "
	     "wrong.");
}

static void interface_name(uint32_t index, char ret[static IF_NAMESIZE])
{
	/* another namespace's, or gone since: its number is what is left to say */
	if (index == 0)
		snprintf(ret, IF_NAMESIZE, "-");
	else if (!if_indextoname(index, ret))
		snprintf(ret, IF_NAMESIZE, "#%" PRIu32, index);
}

/* --- for people --- */

static void print_uptime(uint64_t s)
{
	if (s >= 86400)
		printf("%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		printf("%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		printf("%" PRIu64 " min", s / 60);
	else
		printf("%" PRIu64 " s", s);
}

static void print_status(const struct bri_message_status *status)
{
	static const char *const modes[] = { "nothing can be decided here",
		"decides for each connection", "steers the kernel's path manager" };

	printf("braidd %s, up ", status->version);
	print_uptime(status->uptime_s);
	printf(", %s\n", status->mode < BRI_LEN(modes) ? modes[status->mode] : "?");
	if (*status->missing)
		printf("missing here: %s\n", status->missing);
	printf("default service: %s; connections: %" PRIu32 ", of which %" PRIu32
	       " asked for a service\n",
		bri_message_service_word(status->default_service), status->n_connections,
		status->n_claims);
}

static void print_subflow(const struct bri_message_subflow *s)
{
	char name[IF_NAMESIZE], local[BRI_DAEMON_ADDRESS_SIZE], remote[BRI_DAEMON_ADDRESS_SIZE];

	interface_name(s->ifindex, name);
	bri_daemon_address(&s->local, s->local_port, local);
	bri_daemon_address(&s->remote, s->remote_port, remote);
	printf("    %-10s %s > %s  %s%s%s", name, local, remote, s->state,
		s->flags & BRI_MESSAGE_SUBFLOW_PRIMARY ? ", carries data" : "",
		s->flags & BRI_MESSAGE_SUBFLOW_BACKUP ? ", backup" : "");
	if (s->rtt_us)
		printf(", %" PRIu32 ".%" PRIu32 " ms", s->rtt_us / 1000, s->rtt_us / 100 % 10);
	putchar('\n');
}

static void print_connection(const struct bri_message_connection *c)
{
	printf("\n%08" PRIx32 "  %s (%s)%s  ", c->token, bri_message_service_word(c->service),
		bri_message_source_word(c->source),
		c->flags & BRI_MESSAGE_CONNECTION_COLD ? ", cold backups" : "");
	if (*c->program)
		printf("%s, ", c->program);
	if (c->pid)
		printf("process %" PRIu32 ", ", c->pid);
	printf("user %" PRIu32 "%s\n", c->uid,
		c->flags & BRI_MESSAGE_CONNECTION_ACCEPTED ? ", accepted" : "");
	for (uint8_t i = 0; i < c->n_subflows; i++)
		print_subflow(&c->subflows[i]);
}

/* --- for programs --- */

static void status_json(struct bri_json *json, const struct bri_message_status *status)
{
	bri_json_object(json, "daemon");
	bri_json_string(json, "version", status->version);
	bri_json_string(json, "mode", bri_message_mode_word(status->mode));
	bri_json_string(json, "default_service", bri_message_service_word(status->default_service));
	bri_json_unsigned(json, "connections", status->n_connections);
	bri_json_unsigned(json, "claims", status->n_claims);
	bri_json_unsigned(json, "uptime_s", status->uptime_s);
	bri_json_string(json, "missing", *status->missing ? status->missing : NULL);
	bri_json_end_object(json);
}

static void subflow_json(struct bri_json *json, const struct bri_message_subflow *s)
{
	char name[IF_NAMESIZE], address[BRI_DAEMON_ADDRESS_SIZE];

	interface_name(s->ifindex, name);
	bri_json_object(json, NULL);
	bri_json_string(json, "interface", s->ifindex ? name : NULL);
	bri_daemon_address(&s->local, 0, address);
	bri_json_string(json, "local", address);
	bri_json_unsigned(json, "local_port", s->local_port);
	bri_daemon_address(&s->remote, 0, address);
	bri_json_string(json, "remote", address);
	bri_json_unsigned(json, "remote_port", s->remote_port);
	bri_json_unsigned(json, "local_id", s->local_id);
	bri_json_unsigned(json, "remote_id", s->remote_id);
	bri_json_string(json, "state", s->state);
	bri_json_bool(json, "backup", s->flags & BRI_MESSAGE_SUBFLOW_BACKUP);
	bri_json_bool(json, "primary", s->flags & BRI_MESSAGE_SUBFLOW_PRIMARY);
	bri_json_unsigned(json, "rtt_us", s->rtt_us);
	bri_json_end_object(json);
}

static void connection_json(struct bri_json *json, const struct bri_message_connection *c)
{
	char token[16];

	snprintf(token, sizeof(token), "%08" PRIx32, c->token);
	bri_json_object(json, NULL);
	bri_json_string(json, "token", token);
	bri_json_string(json, "service", bri_message_service_word(c->service));
	bri_json_string(json, "source", bri_message_source_word(c->source));
	bri_json_bool(json, "cold", c->flags & BRI_MESSAGE_CONNECTION_COLD);
	bri_json_bool(json, "accepted", c->flags & BRI_MESSAGE_CONNECTION_ACCEPTED);
	bri_json_bool(json, "claimed", c->flags & BRI_MESSAGE_CONNECTION_CLAIMED);
	bri_json_unsigned(json, "uid", c->uid);
	bri_json_unsigned(json, "pid", c->pid);
	bri_json_string(json, "program", *c->program ? c->program : NULL);
	bri_json_array(json, "subflows");
	for (uint8_t i = 0; i < c->n_subflows; i++)
		subflow_json(json, &c->subflows[i]);
	bri_json_end_array(json);
	bri_json_end_object(json);
}

/* context: the JSON, or NULL for people */
static int on_connection(void *context, const struct bri_message *entry)
{
	if (entry->type != BRI_MESSAGE_CONNECTION)
		return 0;
	if (context)
		connection_json(context, &entry->connection);
	else
		print_connection(&entry->connection);
	return 0;
}

/* Connections are printed as they come: there may be many. */
static int show(struct bri_client *client, const struct bri_message_status *status, bool as_json)
{
	struct bri_message request = { .type = BRI_MESSAGE_LIST }, reply;
	struct bri_json json;
	int r;

	if (as_json) {
		bri_json_init(&json, stdout);
		bri_json_object(&json, NULL);
		status_json(&json, status);
		bri_json_array(&json, "list");
	} else {
		print_status(status);
	}
	r = bri_client_each(client, &request, bri_daemon_deadline_ns(), as_json ? &json : NULL,
		on_connection, &reply);
	if (as_json) {
		bri_json_end_array(&json);
		bri_json_end_object(&json);
	}
	return bri_daemon_failed("status", r, &reply);
}

int bri_cmd_status(int argc, char **argv)
{
	struct bri_message message = { .type = BRI_MESSAGE_STATUS };
	struct bri_daemon_ask opts;
	struct bri_client client;
	int code = bri_daemon_parse("status", argc, argv, &opts), r;

	if (code != BRI_EXIT_OK)
		return code;
	if (opts.help) {
		print_help();
		return BRI_EXIT_OK;
	}
	code = bri_daemon_open("status", opts.socket, &client);
	if (code != BRI_EXIT_OK)
		return code;
	r = bri_client_call(&client, &message, bri_daemon_deadline_ns(), &message);
	code = bri_daemon_failed("status", r, &message);
	if (code == BRI_EXIT_OK)
		code = show(&client, &message.status, opts.json);
	bri_client_close(&client);
	return code;
}
