/* braidd's configuration: what is read, what is refused with which words, which rule fits what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "daemon/config.h"

static char why[400];

static struct bri_config *parse(const char *text)
{
	struct bri_config *config = NULL;
	int r = bri_config_parse("f", text, strlen(text), why, sizeof(why), &config);

	if (r != 0)
		fail_msg("%s", why);
	return config;
}

static void refuse(const char *text, const char *words)
{
	struct bri_config *config = NULL;
	int r;

	why[0] = '\0';
	r = bri_config_parse("f", text, strlen(text), why, sizeof(why), &config);
	if (r != -EINVAL || !strstr(why, words) || strchr(why, '\n') || config)
		fail_msg("%.60s: %d '%s', not '%s'", text, r, why, words);
}

static struct bri_ip ip(const char *text)
{
	struct bri_ip ret = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	assert_int_equal(inet_pton(ret.family, text, ret.bytes), 1);
	return ret;
}

static void nothing_said(void **state)
{
	struct bri_config *c = parse("");

	(void)state;
	assert_int_equal(c->default_service, BRI_MESSAGE_SERVICE_HANDOVER);
	assert_false(c->has_default);
	assert_true(c->source_routing);
	assert_false(c->kernel_pm);
	assert_string_equal(c->socket, "");
	free(c);
	c = parse("\n  # nothing\r\n\t\n#");
	assert_int_equal(c->n_rules, 0);
	free(c);
}

static void everything_said(void **state)
{
	struct bri_config *c = parse("default=aggregate # for now\r\n"
				     "\tsocket = /tmp/a socket\n"
				     "source-routing = no\n"
				     "kernel-pm = yes\n"
				     "announce = 192.0.2.1, 2001:db8::1  192.0.2.2\n"
				     "[rule]\n"
				     "local-port = 443\n"
				     "remote-port = 8000-8999\n"
				     "remote = 2001:db8::/33\n"
				     "user = 1000\n"
				     "program = c#\n"
				     "service = none\n"
				     "cold = yes\n"
				     "[rule]\n"
				     "user = alice\n"
				     "service = interactive\n"
				     "[interface  wwan*]\n"
				     "kind = cellular\n"
				     "order = 1000000\n"
				     "metered = yes\n"
				     "use = no");

	(void)state;
	assert_int_equal(c->default_service, BRI_MESSAGE_SERVICE_AGGREGATE);
	assert_true(c->has_default);
	assert_string_equal(c->socket, "/tmp/a socket");
	assert_false(c->source_routing);
	assert_true(c->kernel_pm);
	assert_int_equal(c->n_announce, 3);
	assert_int_equal(c->announce[1].family, AF_INET6);
	assert_int_equal(c->announce[2].bytes[3], 2);
	assert_int_equal(c->n_rules, 2);
	assert_int_equal(c->rules[0].line, 6);
	assert_int_equal(c->rules[0].local.last, 443);
	assert_int_equal(c->rules[0].remote.first, 8000);
	assert_int_equal(c->rules[0].prefix_bits, 33);
	assert_true(c->rules[0].user_known);
	assert_int_equal(c->rules[0].uid, 1000);
	assert_string_equal(c->rules[0].program, "c#");
	assert_int_equal(c->rules[0].service, BRI_MESSAGE_SERVICE_NONE);
	assert_true(c->rules[0].cold);
	assert_false(c->rules[1].user_known);
	assert_false(c->rules[1].cold);
	assert_int_equal(c->n_interfaces, 1);
	assert_string_equal(c->interfaces[0].glob, "wwan*");
	assert_int_equal(c->interfaces[0].kind, BRI_MESSAGE_KIND_CELLULAR);
	assert_int_equal(c->interfaces[0].order, 1000000);
	assert_int_equal(c->interfaces[0].metered, 1);
	assert_int_equal(c->interfaces[0].use, 0);
	free(c);
}

#define RULE "[rule]\nservice = none\n"

static void what_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "defualt = handover",
			"f:1: no setting 'defualt' before the first section; there are: "
			"default, socket, announce, source-routing, kernel-pm" },
		{ "\n\nhandover", "f:3: 'handover' is neither NAME = VALUE nor [SECTION]" },
		{ "= x", "f:1: no setting ''" },
		{ "default =", "f:1: default has no value" },
		{ "default = # handover", "f:1: default has no value" },
		{ "default = Handover", "f:1: 'Handover' is not a service: none, handover" },
		{ "default = none\ndefault = none", "f:2: default is said already in line 1" },
		{ "socket = s", "f:1: 's' is not a path" },
		{ "kernel-pm = true", "f:1: 'true' is not yes or no" },
		{ "announce = 192.0.2.1 192.0.2", "f:1: '192.0.2' is not an address" },
		{ "announce = 192.0.2.1/24", "is not an address" },
		{ "announce = 1::1 1::2 1::3 1::4 1::5 1::6 1::7 1::8 1::9",
			"more than 8 addresses" },
		{ "service = none", "no setting 'service' before the first section" },
		{ "a\tb\x01 = c", "f:1: a control character" },
		{ "[rule", "f:1: a section ends with ']'" },
		{ "[", "a section ends with ']'" },
		{ "[]", "f:1: no section []; there are: [rule], [interface NAME]" },
		{ "[rules]", "f:1: no section [rules]" },
		{ "[interfaces x]", "no section [interfaces x]" },
		{ "[interface]", "[interface NAME] needs a name" },
		{ "[interface a b]", "needs a name" },
		{ "[interface [a]]", "needs a name" },
		{ "[interface 12345678901234567890123456789012]", "needs a name" },
		{ "[rule]\nuser = x\n[interface x]", "f:1: this [rule] has no service" },
		{ "[rule]\nuser = x", "f:1: this [rule] has no service" },
		{ RULE, "f:1: this [rule] fits every connection: say it with default = none" },
		{ "[rule]\ncold = yes\n" RULE, "f:1: this [rule] has no service" },
		{ RULE "default = none",
			"f:3: no setting 'default' in [rule]; there are: local-port" },
		{ RULE "service = none", "f:3: service is said already in line 2" },
		{ RULE "local-port = 0", "f:3: '0' is not a port" },
		{ RULE "local-port = 65536", "is not a port" },
		{ RULE "local-port = 2-1", "is not a port" },
		{ RULE "local-port = -1", "is not a port" },
		{ RULE "local-port = 1-", "is not a port" },
		{ RULE "remote-port = ssh", "'ssh' is not a port (1 to 65535), or two" },
		{ RULE "remote-port = 00000000022-23", "is not a port" },
		{ RULE "remote = example.org", "is not an address or a prefix" },
		{ RULE "remote = 192.0.2.0/33", "must be 0 to 32" },
		{ RULE "remote = 192.0.2.0/", "must be 0 to 32" },
		{ RULE "remote = ::/129", "must be 0 to 128" },
		{ RULE "remote = 192.0.2.1/24", "'192.0.2.1/24' has bits set after the first 24" },
		{ RULE "remote = 2001:db8::1/127", "has bits set after the first 127" },
		{ RULE "remote = ::ffff:192.0.2.1", "leave out ::ffff:" },
		{ RULE "user = a b", "'a b' is not a user's name or number" },
		{ RULE "user = 123456789012345678901234567890123", "is not a user's name" },
		{ RULE "program = bin/x", "'bin/x' is not a program's name, or its path" },
		{ RULE "cold = maybe", "'maybe' is not yes or no" },
		{ "[interface a]\nkind = ethernet",
			"f:2: 'ethernet' is not wired, wifi, cellular" },
		{ "[interface a]\nkind = other", "is not wired" },
		{ "[interface a]\norder = 1000001", "is not a number from 0 to 1000000" },
		{ "[interface a]\norder = -1", "is not a number" },
		{ "[interface a]\nmetered = 1", "is not yes or no" },
		{ "[interface a]\nservice = none",
			"no setting 'service' in [interface]; there are: "
			"kind, order, metered, use" },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++)
		refuse(cases[i][0], cases[i][1]);
	/* a zero byte, as the text says its size */
	assert_int_equal(
		bri_config_parse("f", "a\0b", 3, why, sizeof(why), &(struct bri_config *) { NULL }),
		-EINVAL);
	assert_non_null(strstr(why, "control character"));
}

/* n times `text`, and once more. */
static void check_limit(const char *text, size_t n, const char *words)
{
	size_t len = strlen(text);
	char *all = calloc(n + 2, len + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(all + i * len, text, len);
	free(parse(all));
	memcpy(all + n * len, text, len);
	refuse(all, words);
	free(all);
}

static void limits(void **state)
{
	char line[1100] = "", program[600];

	(void)state;
	check_limit("[rule]\nuser=1\nservice=none\n", BRI_CONFIG_RULES_MAX,
		"f:385: more than 128 rules");
	check_limit("[interface x]\n", BRI_CONFIG_INTERFACES_MAX, "f:65: more than 64 interfaces");
	check_limit("#\n", BRI_CONFIG_BYTES_MAX / 2, "longer than 65536 bytes");
	memset(line, '#', 1023);
	free(parse(line));
	memset(line, '#', 1024);
	refuse(line, "f:1: longer than 1023 bytes");
	snprintf(program, sizeof(program), RULE "program=/%0254d", 0);
	free(parse(program));
	snprintf(program, sizeof(program), RULE "program=/%0255d", 0);
	refuse(program, "longer than 255 bytes");
	snprintf(line, sizeof(line), "socket=/%0106d", 0);
	free(parse(line));
	snprintf(line, sizeof(line), "socket=/%0107d", 0);
	refuse(line, "at most 107 bytes");
}

/* The rule's line that decides; 0: the default does. */
static uint32_t decides(const struct bri_config *c, struct bri_config_facts facts)
{
	struct bri_config_service s;

	bri_config_service_for(c, &facts, &s);
	assert_int_equal(s.source, s.line ? BRI_MESSAGE_SOURCE_RULE : BRI_MESSAGE_SOURCE_DEFAULT);
	return s.line;
}

static void which_rule(void **state)
{
	struct bri_config *c =
		parse("default = none\n"
		      "[rule]\nremote-port=22\nlocal-port=1000-2000\nservice=interactive\n"
		      "[rule]\nremote=192.0.2.128/25\nservice=aggregate\n"
		      "[rule]\nremote=192.0.2.0/24\nservice=handover\ncold=yes\n"
		      "[rule]\nremote=2001:db8::/33\nservice=aggregate\n"
		      "[rule]\nuser=7\nservice=aggregate\n"
		      "[rule]\nprogram=a-very-long-program\nservice=aggregate\n"
		      "[rule]\nprogram=/usr/bin/x\nservice=aggregate\n"
		      "[rule]\nremote=0.0.0.0/0\nuser=0\nservice=aggregate\n");
	struct bri_config_service s;
	struct bri_config_facts f = { .remote_port = 22, .local_port = 1000 };

	(void)state;
	assert_int_equal(decides(c, (struct bri_config_facts) { 0 }), 0);
	/* ports: both, ends of the range, unknown */
	assert_int_equal(decides(c, f), 2);
	f.local_port = 2000;
	assert_int_equal(decides(c, f), 2);
	f.local_port = 2001;
	assert_int_equal(decides(c, f), 0);
	f.local_port = 0;
	assert_int_equal(decides(c, f), 0);
	f.local_port = 1000, f.remote_port = 23;
	assert_int_equal(decides(c, f), 0);
	/* prefixes, in order, also of dual-stack sockets */
	assert_int_equal(decides(c, (struct bri_config_facts) { .remote = ip("192.0.2.128") }), 6);
	assert_int_equal(decides(c, (struct bri_config_facts) { .remote = ip("192.0.2.127") }), 9);
	assert_int_equal(decides(c, (struct bri_config_facts) { .remote = ip("192.0.3.127") }), 0);
	assert_int_equal(
		decides(c, (struct bri_config_facts) { .remote = ip("::ffff:192.0.2.255") }), 6);
	assert_int_equal(
		decides(c, (struct bri_config_facts) { .remote = ip("2001:db8:7fff::1") }), 13);
	assert_int_equal(
		decides(c, (struct bri_config_facts) { .remote = ip("2001:db8:8000::1") }), 0);
	/* users: 0 is one, unknown is not */
	assert_int_equal(decides(c, (struct bri_config_facts) { .has_uid = true, .uid = 7 }), 16);
	assert_int_equal(decides(c, (struct bri_config_facts) { .uid = 7 }), 0);
	assert_int_equal(
		decides(c, (struct bri_config_facts) { .remote = ip("1.2.3.4"), .has_uid = true }),
		25);
	assert_int_equal(decides(c, (struct bri_config_facts) { .remote = ip("1.2.3.4") }), 0);
	/* programs: the kernel's cut name, the whole path */
	assert_int_equal(decides(c, (struct bri_config_facts) { .comm = "a-very-long-pro" }), 19);
	assert_int_equal(decides(c, (struct bri_config_facts) { .comm = "a-very-long-pr" }), 0);
	assert_int_equal(decides(c, (struct bri_config_facts) { .comm = "" }), 0);
	assert_int_equal(
		decides(c, (struct bri_config_facts) { .exe = "/usr/bin/x", .comm = "y" }), 22);
	assert_int_equal(
		decides(c, (struct bri_config_facts) { .exe = "/usr/bin/xx", .comm = "x" }), 0);
	/* and what it says */
	f = (struct bri_config_facts) { .remote = ip("192.0.2.1") };
	bri_config_service_for(c, &f, &s);
	assert_int_equal(s.service, BRI_MESSAGE_SERVICE_HANDOVER);
	assert_true(s.cold);
	f = (struct bri_config_facts) { 0 };
	bri_config_service_for(c, &f, &s);
	assert_int_equal(s.service, BRI_MESSAGE_SERVICE_NONE);
	assert_false(s.cold);
	free(c);
}

static void which_interface(void **state)
{
	struct bri_config *c = parse("[interface wlan0]\norder = 5\n"
				     "[interface wlan?]\nkind = wifi\norder = 20\n"
				     "[interface w*]\nmetered = yes\nuse = no\nkind = cellular\n");
	struct bri_config_interface i;

	(void)state;
	bri_config_interface_for(c, "wlan0", &i);
	assert_int_equal(i.order, 5);
	assert_int_equal(i.kind, BRI_MESSAGE_KIND_WIFI);
	assert_int_equal(i.metered, 1);
	assert_int_equal(i.use, 0);
	bri_config_interface_for(c, "wlan10", &i);
	assert_int_equal(i.order, -1);
	assert_int_equal(i.kind, BRI_MESSAGE_KIND_CELLULAR);
	bri_config_interface_for(c, "eth0", &i);
	assert_string_equal(i.glob, "eth0");
	assert_int_equal(i.kind, -1);
	assert_int_equal(i.metered, -1);
	assert_int_equal(i.use, -1);
	free(c);
}

static int lookup(void *context, const char *name, uid_t *ret)
{
	(void)context;
	if (strcmp(name, "alice") != 0)
		return -ENOENT;
	*ret = 1234;
	return 0;
}

static void users_are_looked_up(void **state)
{
	struct bri_config *c =
		parse("[rule]\nservice=none\nuser=alice\n[rule]\nservice=none\n\nuser=bob");
	struct bri_config_facts f = { .has_uid = true, .uid = 1234 };

	(void)state;
	assert_int_equal(decides(c, f), 0); /* nobody, before */
	assert_int_equal(bri_config_resolve(c, "f", NULL, lookup, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "f:7: there is no user 'bob'");
	assert_int_equal(decides(c, f), 1);
	free(c);
}

static void files(void **state)
{
	char path[] = "/tmp/braid-config-XXXXXX";
	int fd = mkstemp(path);
	struct bri_config *c = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[rule]\nuser = root\nservice = none\n", 34), 34);
	assert_int_equal(bri_config_load(path, true, why, sizeof(why), &c), 0);
	assert_true(c->rules[0].user_known);
	assert_int_equal(c->rules[0].uid, 0);
	free(c);
	assert_int_equal(write(fd, "x\n", 2), 2);
	assert_int_equal(bri_config_load(path, false, why, sizeof(why), &c), -EINVAL);
	assert_non_null(strstr(why, ":4: "));
	assert_int_equal(ftruncate(fd, 100000), 0);
	assert_int_equal(bri_config_load(path, false, why, sizeof(why), &c), -EINVAL);
	assert_non_null(strstr(why, "longer than 65536"));
	close(fd);
	unlink(path);
	assert_int_equal(bri_config_load(path, true, why, sizeof(why), &c), -ENOENT);
	assert_non_null(strstr(why, path));
	assert_int_equal(bri_config_load(path, false, why, sizeof(why), &c), 0);
	free(c);
	assert_int_equal(bri_config_load("/", false, why, sizeof(why), &c), -EISDIR);
	/* a FIFO without a writer is empty; it does not wait */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bri_config_load(path, false, why, sizeof(why), &c), 0);
	free(c);
	unlink(path);
}

/* What is shipped can be used, as it is and with its examples switched on. */
static void shipped(void **state)
{
	FILE *file = fopen(BRAID_SHIPPED_CONF, "r");
	char text[8192] = "", line[300];
	struct bri_config *c = NULL;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		assert_true(strlen(text) + strlen(line) < sizeof(text));
		strncat(text, line[0] == '#' && line[1] != ' ' ? line + 1 : line,
			sizeof(text) - strlen(text) - 1);
	}
	fclose(file);
	c = parse(text);
	assert_int_equal(c->n_rules, 3);
	assert_int_equal(c->n_interfaces, 3);
	assert_int_equal(c->n_announce, 2);
	free(c);
	assert_int_equal(bri_config_load(BRAID_SHIPPED_CONF, true, why, sizeof(why), &c), 0);
	assert_int_equal(c->n_rules, 0);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(everything_said),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(which_rule),
		cmocka_unit_test(which_interface),
		cmocka_unit_test(users_are_looked_up),
		cmocka_unit_test(files),
		cmocka_unit_test(shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
