/*
 * braidd's configuration file, braidd.conf(5): text to a struct, or one line that says what is
 * wrong and where; and what it says about a connection or an interface. Pure but for
 * bri_config_load(). Knows nothing of the kernel, and not what the settings do.
 *
 *     default = handover            # none, handover, interactive, aggregate
 *     [rule]                        # the first that fits a connection decides
 *     remote-port = 22
 *     service = interactive
 *     [interface wwan*]
 *     kind = cellular
 */
#ifndef BRI_CONFIG_H
#define BRI_CONFIG_H

#include <sys/types.h>
#include "base/base.h"
#include "base/ip.h"
#include "control/message.h"

#define BRI_CONFIG_FILE           "/etc/braid/braidd.conf"
#define BRI_CONFIG_BYTES_MAX      65536u
#define BRI_CONFIG_RULES_MAX      128u /* each connection is held against all of them */
#define BRI_CONFIG_INTERFACES_MAX 64u
#define BRI_CONFIG_ANNOUNCE_MAX   8u   /* the kernel's limit of endpoints (mptcp.7, ip-mptcp) */
#define BRI_CONFIG_PROGRAM_MAX    256u /* with the zero, as the next two */
#define BRI_CONFIG_USER_MAX       33u  /* useradd(8) takes 32 */
#define BRI_CONFIG_GLOB_MAX       32u
#define BRI_CONFIG_SOCKET_MAX     108u /* sun_path */

struct bri_config_ports {
	uint16_t first, last; /* both 0: any */
};

struct bri_config_rule {
	uint32_t line; /* of its [rule] */
	struct bri_config_ports local, remote;
	struct bri_ip prefix; /* of the remote address; family 0: any */
	uint8_t prefix_bits;
	char user[BRI_CONFIG_USER_MAX]; /* "": any */
	uint32_t user_line;
	bool user_known; /* uid is set; a rule for an unknown user fits nobody */
	uid_t uid;
	char program[BRI_CONFIG_PROGRAM_MAX]; /* "": any; with a '/' first: of the executable */
	uint8_t service;
	bool cold;
};

/* What [interface] says; -1: nothing. */
struct bri_config_interface {
	uint32_t line;
	char glob[BRI_CONFIG_GLOB_MAX]; /* * and ? */
	int kind;                       /* enum bri_message_kind */
	int64_t order;
	int metered, use;
};

struct bri_config {
	uint8_t default_service;
	bool has_default; /* else it is handover because nothing was said */
	bool source_routing;
	bool kernel_pm;
	char socket[BRI_CONFIG_SOCKET_MAX]; /* "": nothing was said */
	uint32_t n_announce, n_rules, n_interfaces;
	struct bri_ip announce[BRI_CONFIG_ANNOUNCE_MAX];
	struct bri_config_rule rules[BRI_CONFIG_RULES_MAX];
	struct bri_config_interface interfaces[BRI_CONFIG_INTERFACES_MAX];
};

/*
 * bri_config_parse(): text[0..size) to a configuration.
 *   name  of the file, for messages
 *   why   out on failure: one line, "NAME:LINE: what is wrong"
 *   ret   free it with free(3); names of users are not looked up yet
 * Returns 0, -ENOMEM, or -EINVAL.
 */
int bri_config_parse(const char *name, const char *text, size_t size, char *why, size_t why_size,
	struct bri_config **ret);

/* A user's number. Returns 0 or -ENOENT. */
typedef int (*bri_config_user_f)(void *context, const char *name, uid_t *ret);
/* bri_config_resolve(): looks up the users that rules name. Returns 0, or -EINVAL and why. */
int bri_config_resolve(struct bri_config *config, const char *name, void *context,
	bri_config_user_f lookup, char *why, size_t why_size);

/*
 * bri_config_load(): reads and parses a file, and looks up users in the system's database.
 *   required  false: a file that is not there is an empty one
 * Returns 0, -ENOMEM, or a negative errno with `why`. Context: blocks.
 */
int bri_config_load(
	const char *path, bool required, char *why, size_t why_size, struct bri_config **ret);

/* --- config_match.c --- */

/* What is known of a connection; 0, NULL or false: not known, and rules that ask for it do not fit.
 */
struct bri_config_facts {
	uint16_t local_port, remote_port;
	struct bri_ip remote; /* an IPv4 address in IPv6 (::ffff:0:0/96) is IPv4 */
	bool has_uid;
	uid_t uid;
	const char *comm; /* as in /proc/PID/comm: at most 15 bytes */
	const char *exe;  /* what /proc/PID/exe leads to */
};

struct bri_config_service {
	uint8_t service;
	bool cold;
	uint8_t source; /* BRI_MESSAGE_SOURCE_RULE or _DEFAULT */
	uint32_t line;  /* of the rule; 0: the default */
};

/* bri_config_is_mapped(): an IPv4 address as dual-stack sockets have it, ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2). */
bool bri_config_is_mapped(const struct bri_ip *ip);

/* bri_config_service_for(): what the first rule that fits says, else the default. Pure. */
void bri_config_service_for(const struct bri_config *config, const struct bri_config_facts *facts,
	struct bri_config_service *ret);

/* bri_config_interface_for(): of each setting, what the first [interface] with it and a fitting
 * name says; -1: none. ret->glob is the name, ret->line 0. Pure. */
void bri_config_interface_for(
	const struct bri_config *config, const char *name, struct bri_config_interface *ret);

#endif
