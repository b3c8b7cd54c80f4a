/*
 * A policy that is told facts by hand, and a mirror of them that checks every command against what
 * must always hold. There is no network here: facts may come in any order, and be nonsense.
 */
#ifndef BRI_MIRROR_H
#define BRI_MIRROR_H

#include "policy/policy.h"

#define MIRROR_CONNECTIONS 8u
#define MIRROR_SUBFLOWS    64u

struct mirror_subflow {
	struct bri_policy_subflow subflow;
	bool alive;   /* told, and not closed */
	bool leaving; /* DESTROY was commanded */
};

struct mirror_join {
	bool used;
	struct bri_policy_command command;
};

struct mirror_connection {
	bool used, server_side;
	uint32_t token;
	struct bri_policy_wish wish;
	struct mirror_subflow subflows[MIRROR_SUBFLOWS];
	struct mirror_join joins[MIRROR_SUBFLOWS];
	uint64_t window_ns; /* commands are counted from then on */
	unsigned in_window, facts_in_window;
};

struct mirror {
	struct bri_policy *p;
	uint64_t now_ns;
	struct bri_policy_address addresses[BRI_POLICY_ADDRESSES_MAX];
	size_t n_addresses;
	struct mirror_connection connections[MIRROR_CONNECTIONS];
	struct bri_policy_command closing[MIRROR_SUBFLOWS]; /* what the kernel will tell */
	size_t n_closing;
	struct bri_policy_command last[256]; /* commands since the last turn began */
	size_t n_last;
	size_t n_commands, n_samples, n_news;
	unsigned bad, quiet_after; /* violations; so many are printed */
	bool verbose;              /* SIM_VERBOSE is set */
	const char *what;          /* printed with a violation */
	uint16_t next_port;
};

struct mirror *mirror_new(void);
void mirror_free(struct mirror *m);

struct bri_ip mirror_ip(unsigned n); /* 10.0.n.2 */
struct bri_ip mirror_remote(unsigned n);
struct bri_policy_address mirror_address(unsigned n, enum bri_path_kind kind, bool usable);

void mirror_addresses(struct mirror *m, const struct bri_policy_address *list, size_t n);
void mirror_connect(struct mirror *m, const struct bri_policy_connection *c);
void mirror_close(struct mirror *m, uint32_t token);
void mirror_wish(struct mirror *m, uint32_t token, const struct bri_policy_wish *wish);
void mirror_up(struct mirror *m, uint32_t token, const struct bri_policy_subflow *subflow);
void mirror_down(struct mirror *m, uint32_t token, const struct bri_policy_tuple *tuple,
	uint8_t error, uint32_t reason);
void mirror_sample(struct mirror *m, uint32_t token, const struct bri_policy_tuple *tuple,
	const struct bri_policy_sample *sample);
void mirror_refuse(struct mirror *m, const struct bri_policy_command *command, int error);
void mirror_turn(struct mirror *m); /* takes and checks the commands; after any other fact */
/* mirror_pass(): time goes by; deadlines are kept on the way. */
void mirror_pass(struct mirror *m, uint64_t ns);

struct mirror_connection *mirror_find(struct mirror *m, uint32_t token);
/* mirror_answer(): the oldest join that waits is answered. False: there is none. */
bool mirror_answer(struct mirror *m, uint32_t token);
unsigned mirror_alive(const struct mirror_connection *c);
const struct bri_policy_command *mirror_last(
	const struct mirror *m, enum bri_policy_what what, unsigned skip);

#endif
