/*
 * braidd's configuration file: text to a struct. Pure. Knows nothing of files and of what the
 * settings do.
 */
#include "daemon/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX       1024 /* bytes of a line */
#define ORDER_MAX       1000000u
#define KEYS_MAX        8  /* of a section */
#define SHOWN_MAX       40 /* bytes of a wrong value that a message repeats */
#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)

enum section {
	SECTION_TOP,
	SECTION_RULE,
	SECTION_INTERFACE,
};

static const char *const section_names[] = { "before the first section", "in [rule]",
	"in [interface]" };

struct parser {
	struct bri_config *config;
	const char *name;
	uint32_t line;
	enum section section;
	uint32_t section_line;
	uint32_t seen[KEYS_MAX]; /* the line of each key of this section; 0: none */
	bool has_service;
	char *why;
	size_t why_size;
};

static int BRI_PRINTF(3, 4) wrong(struct parser *p, uint32_t line, const char *fmt, ...)
{
	va_list args;
	int n = snprintf(p->why, p->why_size, "%s:%u: ", p->name, line);

	if (n >= 0 && (size_t)n < p->why_size) {
		va_start(args, fmt);
		vsnprintf(p->why + n, p->why_size - (size_t)n, fmt, args);
		va_end(args);
	}
	return -EINVAL;
}

static int wrong_value(struct parser *p, const char *value, const char *wanted)
{
	return wrong(p, p->line, "'%.*s' is not %s", SHOWN_MAX, value, wanted);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool parse_u32(const char *text, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > max)
			return false;
	}
	*ret = (uint32_t)value;
	return true;
}

static int parse_bool(struct parser *p, const char *value, bool *ret)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return wrong_value(p, value, "yes or no");
	*ret = *value == 'y';
	return 0;
}

static int parse_service(struct parser *p, const char *value, uint8_t *ret)
{
	int service = bri_message_service_from_word(value);

	if (service < 0)
		return wrong_value(p, value, "a service: none, handover, interactive or aggregate");
	*ret = (uint8_t)service;
	return 0;
}

static bool parse_ip(const char *text, struct bri_ip *ret)
{
	struct bri_ip ip = { .family = AF_INET };

	if (inet_pton(AF_INET, text, ip.bytes) != 1) {
		ip.family = AF_INET6;
		if (inet_pton(AF_INET6, text, ip.bytes) != 1)
			return false;
	}
	*ret = ip;
	return true;
}

static struct bri_config_rule *rule(struct parser *p)
{
	return &p->config->rules[p->config->n_rules - 1];
}

static struct bri_config_interface *interface(struct parser *p)
{
	return &p->config->interfaces[p->config->n_interfaces - 1];
}

/* --- settings --- */

static int set_default(struct parser *p, const char *value)
{
	p->config->has_default = true;
	return parse_service(p, value, &p->config->default_service);
}

static int set_socket(struct parser *p, const char *value)
{
	if (*value != '/' || strlen(value) >= sizeof(p->config->socket))
		return wrong_value(p, value, "a path from / of at most 107 bytes");
	memcpy(p->config->socket, value, strlen(value) + 1);
	return 0;
}

static int set_source_routing(struct parser *p, const char *value)
{
	return parse_bool(p, value, &p->config->source_routing);
}

static int set_kernel_pm(struct parser *p, const char *value)
{
	return parse_bool(p, value, &p->config->kernel_pm);
}

/* Addresses between blanks or commas. */
static int set_announce(struct parser *p, const char *value)
{
	struct bri_config *c = p->config;
	char word[INET6_ADDRSTRLEN];
	size_t n;

	for (;;) {
		value += strspn(value, " \t,");
		n = strcspn(value, " \t,");
		if (n == 0)
			return 0;
		if (c->n_announce == BRI_CONFIG_ANNOUNCE_MAX)
			return wrong(p, p->line, "more than %u addresses to announce",
				BRI_CONFIG_ANNOUNCE_MAX);
		if (n >= sizeof(word))
			return wrong_value(p, value, "an address");
		memcpy(word, value, n);
		word[n] = '\0';
		if (!parse_ip(word, &c->announce[c->n_announce]))
			return wrong_value(p, word, "an address");
		c->n_announce++;
		value += n;
	}
}

static int parse_ports(struct parser *p, const char *value, struct bri_config_ports *ret)
{
	const char *dash = strchr(value, '-');
	uint32_t first = 0, last = 0;
	char text[8] = "";
	bool ok;

	if (dash) {
		if ((size_t)(dash - value) < sizeof(text))
			memcpy(text, value, (size_t)(dash - value));
		ok = parse_u32(text, UINT16_MAX, &first) && parse_u32(dash + 1, UINT16_MAX, &last);
	} else {
		ok = parse_u32(value, UINT16_MAX, &first);
		last = first;
	}
	if (!ok || first == 0 || last < first)
		return wrong_value(p, value, "a port (1 to 65535), or two of them: 8000-8999");
	*ret = (struct bri_config_ports) { (uint16_t)first, (uint16_t)last };
	return 0;
}

static int set_local_port(struct parser *p, const char *value)
{
	return parse_ports(p, value, &rule(p)->local);
}

static int set_remote_port(struct parser *p, const char *value)
{
	return parse_ports(p, value, &rule(p)->remote);
}

static bool has_bits_after(const struct bri_ip *ip, uint32_t bits)
{
	for (uint32_t i = bits; i < 128; i++)
		if (ip->bytes[i / 8] & (0x80u >> (i % 8)))
			return true;
	return false;
}

static int set_remote(struct parser *p, const char *value)
{
	struct bri_config_rule *r = rule(p);
	const char *slash = strchr(value, '/');
	size_t n = slash ? (size_t)(slash - value) : strlen(value);
	char address[PREFIX_TEXT_MAX];
	struct bri_ip ip;
	uint32_t bits, max;

	if (n >= sizeof(address))
		return wrong_value(p, value, "an address or a prefix: 192.0.2.0/24");
	memcpy(address, value, n);
	address[n] = '\0';
	if (!parse_ip(address, &ip))
		return wrong_value(p, value, "an address or a prefix: 192.0.2.0/24");
	bits = max = ip.family == AF_INET ? 32 : 128;
	if (slash && !parse_u32(slash + 1, max, &bits))
		return wrong(p, p->line, "the prefix length in '%.*s' must be 0 to %u", SHOWN_MAX,
			value, max);
	/* as ip-route(8): 192.0.2.1/24 is likelier a mistake than a way to write 192.0.2.0/24 */
	if (has_bits_after(&ip, bits))
		return wrong(p, p->line, "'%.*s' has bits set after the first %u", SHOWN_MAX, value,
			bits);
	/* connections are held against it with such addresses as IPv4 */
	if (bits >= 96 && bri_config_is_mapped(&ip))
		return wrong_value(p, value, "how to write IPv4 here: leave out ::ffff:");
	r->prefix = ip;
	r->prefix_bits = (uint8_t)bits;
	return 0;
}

static int set_user(struct parser *p, const char *value)
{
	struct bri_config_rule *r = rule(p);
	uint32_t uid;

	if (strlen(value) >= sizeof(r->user) || strpbrk(value, " \t:/"))
		return wrong_value(p, value, "a user's name or number");
	memcpy(r->user, value, strlen(value) + 1);
	r->user_line = p->line;
	/* (uid_t)-1 is no user */
	if (parse_u32(value, UINT32_MAX - 1, &uid)) {
		r->user_known = true;
		r->uid = uid;
	}
	return 0;
}

static int set_program(struct parser *p, const char *value)
{
	struct bri_config_rule *r = rule(p);

	if (strlen(value) >= sizeof(r->program))
		return wrong(p, p->line, "the program's name is longer than %u bytes",
			BRI_CONFIG_PROGRAM_MAX - 1);
	if (*value != '/' && strchr(value, '/'))
		return wrong_value(p, value, "a program's name, or its path from /");
	memcpy(r->program, value, strlen(value) + 1);
	return 0;
}

static int set_service(struct parser *p, const char *value)
{
	p->has_service = true;
	return parse_service(p, value, &rule(p)->service);
}

static int set_cold(struct parser *p, const char *value)
{
	return parse_bool(p, value, &rule(p)->cold);
}

static int set_kind(struct parser *p, const char *value)
{
	for (uint8_t i = BRI_MESSAGE_KIND_WIRED; i <= BRI_MESSAGE_KIND_TUNNEL; i++) {
		if (strcmp(value, bri_message_kind_word(i)) == 0) {
			interface(p)->kind = i;
			return 0;
		}
	}
	return wrong_value(p, value, "wired, wifi, cellular or tunnel");
}

static int set_order(struct parser *p, const char *value)
{
	uint32_t order;

	if (!parse_u32(value, ORDER_MAX, &order))
		return wrong_value(p, value, "a number from 0 to 1000000");
	interface(p)->order = order;
	return 0;
}

static int set_yes_no(struct parser *p, const char *value, int *ret)
{
	bool yes = false;
	int r = parse_bool(p, value, &yes);

	if (r == 0)
		*ret = yes;
	return r;
}

static int set_metered(struct parser *p, const char *value)
{
	return set_yes_no(p, value, &interface(p)->metered);
}

static int set_use(struct parser *p, const char *value)
{
	return set_yes_no(p, value, &interface(p)->use);
}

struct key {
	const char *name;
	int (*set)(struct parser *p, const char *value);
};

static const struct key keys[][KEYS_MAX] = {
	[SECTION_TOP] = {
		{ "default", set_default },
		{ "socket", set_socket },
		{ "announce", set_announce },
		{ "source-routing", set_source_routing },
		{ "kernel-pm", set_kernel_pm },
	},
	[SECTION_RULE] = {
		{ "local-port", set_local_port },
		{ "remote-port", set_remote_port },
		{ "remote", set_remote },
		{ "user", set_user },
		{ "program", set_program },
		{ "service", set_service },
		{ "cold", set_cold },
	},
	[SECTION_INTERFACE] = {
		{ "kind", set_kind },
		{ "order", set_order },
		{ "metered", set_metered },
		{ "use", set_use },
	},
};

static int unknown_key(struct parser *p, const char *name)
{
	char known[160] = "";
	size_t at = 0;

	for (size_t i = 0; i < KEYS_MAX && keys[p->section][i].name && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "",
			keys[p->section][i].name);
	return wrong(p, p->line, "no setting '%.*s' %s; there are: %s", SHOWN_MAX, name,
		section_names[p->section], known);
}

static int on_setting(struct parser *p, char *name, const char *value)
{
	for (size_t i = 0; i < KEYS_MAX && keys[p->section][i].name; i++) {
		if (strcmp(name, keys[p->section][i].name) != 0)
			continue;
		if (p->seen[i])
			return wrong(p, p->line, "%s is said already in line %u", name, p->seen[i]);
		if (!*value)
			return wrong(p, p->line, "%s has no value", name);
		p->seen[i] = p->line;
		return keys[p->section][i].set(p, value);
	}
	return unknown_key(p, name);
}

/* --- sections and lines --- */

static int end_section(struct parser *p)
{
	const struct bri_config_rule *r;

	if (p->section != SECTION_RULE)
		return 0;
	r = rule(p);
	if (!p->has_service)
		return wrong(p, p->section_line, "this [rule] has no service");
	if (!r->local.first && !r->remote.first && !r->prefix.family && !*r->user && !*r->program)
		return wrong(p, p->section_line,
			"this [rule] fits every connection: say it with default = %s instead",
			bri_message_service_word(r->service));
	return 0;
}

static int begin_rule(struct parser *p)
{
	struct bri_config *c = p->config;

	if (c->n_rules == BRI_CONFIG_RULES_MAX)
		return wrong(p, p->line, "more than %u rules", BRI_CONFIG_RULES_MAX);
	p->section = SECTION_RULE;
	p->has_service = false;
	c->rules[c->n_rules++] = (struct bri_config_rule) { .line = p->line };
	return 0;
}

static int begin_interface(struct parser *p, const char *glob)
{
	struct bri_config *c = p->config;
	struct bri_config_interface *i;

	glob += strspn(glob, " \t");
	if (!*glob || strlen(glob) >= sizeof(i->glob) || strpbrk(glob, " \t/[]"))
		return wrong(
			p, p->line, "[interface NAME] needs a name, which may have * and ? in it");
	if (c->n_interfaces == BRI_CONFIG_INTERFACES_MAX)
		return wrong(p, p->line, "more than %u interfaces", BRI_CONFIG_INTERFACES_MAX);
	p->section = SECTION_INTERFACE;
	i = &c->interfaces[c->n_interfaces++];
	*i = (struct bri_config_interface) {
		.line = p->line, .kind = -1, .order = -1, .metered = -1, .use = -1
	};
	memcpy(i->glob, glob, strlen(glob) + 1);
	return 0;
}

static int on_section(struct parser *p, char *text)
{
	size_t len = strlen(text);
	int r = end_section(p);

	if (r < 0)
		return r;
	if (text[len - 1] != ']')
		return wrong(p, p->line, "a section ends with ']'");
	text[len - 1] = '\0';
	text++;
	memset(p->seen, 0, sizeof(p->seen));
	p->section_line = p->line;
	if (strcmp(text, "rule") == 0)
		return begin_rule(p);
	if (strncmp(text, "interface", 9) == 0 && (text[9] == ' ' || text[9] == '\t' || !text[9]))
		return begin_interface(p, text + 9);
	return wrong(p, p->line, "no section [%.*s]; there are: [rule], [interface NAME]",
		SHOWN_MAX, text);
}

/* Cuts blanks at both ends. */
static char *trim(char *text)
{
	size_t len;

	while (is_blank(*text))
		text++;
	for (len = strlen(text); len > 0 && is_blank(text[len - 1]); len--)
		;
	text[len] = '\0';
	return text;
}

/* A comment begins at a # that is first or follows a blank: program = c#/run is none. */
static void cut_comment(char *text)
{
	for (char *at = text; (at = strchr(at, '#')); at++) {
		if (at == text || is_blank(at[-1])) {
			*at = '\0';
			return;
		}
	}
}

static int on_line(struct parser *p, char *text)
{
	char *equals;

	cut_comment(text);
	text = trim(text);
	if (!*text)
		return 0;
	if (*text == '[')
		return on_section(p, text);
	equals = strchr(text, '=');
	if (!equals)
		return wrong(p, p->line, "'%.*s' is neither NAME = VALUE nor [SECTION]", SHOWN_MAX,
			text);
	*equals = '\0';
	return on_setting(p, trim(text), trim(equals + 1));
}

static int copy_line(struct parser *p, const char *text, size_t len, char line[static VALUE_MAX])
{
	if (len >= VALUE_MAX)
		return wrong(p, p->line, "longer than %d bytes", VALUE_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && !is_blank(text[i])) || text[i] == 0x7f)
			return wrong(p, p->line, "a control character");
	memcpy(line, text, len);
	line[len] = '\0';
	return 0;
}

static int parse_lines(struct parser *p, const char *text, size_t size)
{
	const char *end = text + size, *newline;
	char line[VALUE_MAX];
	int r = 0;

	while (text < end && r == 0) {
		newline = memchr(text, '\n', (size_t)(end - text));
		p->line++;
		r = copy_line(p, text, (size_t)((newline ? newline : end) - text), line);
		if (r == 0)
			r = on_line(p, line);
		text = newline ? newline + 1 : end;
	}
	return r == 0 ? end_section(p) : r;
}

int bri_config_parse(const char *name, const char *text, size_t size, char *why, size_t why_size,
	struct bri_config **ret)
{
	struct parser p = { .name = name, .why = why, .why_size = why_size };
	int r;

	if (size > BRI_CONFIG_BYTES_MAX)
		return wrong(&p, 1, "longer than %u bytes", BRI_CONFIG_BYTES_MAX);
	p.config = calloc(1, sizeof(*p.config));
	if (!p.config)
		return -ENOMEM;
	p.config->default_service = BRI_MESSAGE_SERVICE_HANDOVER;
	p.config->source_routing = true;
	r = parse_lines(&p, text, size);
	if (r < 0) {
		free(p.config);
		return r;
	}
	*ret = p.config;
	return 0;
}

int bri_config_resolve(struct bri_config *config, const char *name, void *context,
	bri_config_user_f lookup, char *why, size_t why_size)
{
	struct parser p = { .name = name, .why = why, .why_size = why_size };

	for (uint32_t i = 0; i < config->n_rules; i++) {
		struct bri_config_rule *r = &config->rules[i];

		if (!*r->user || r->user_known)
			continue;
		if (lookup(context, r->user, &r->uid) < 0)
			return wrong(&p, r->user_line, "there is no user '%s'", r->user);
		r->user_known = true;
	}
	return 0;
}
