/*
 * The kernel's side of the daemon: commands of the policy become netlink requests, events and
 * samples become facts. Knows the policy's types, and decides nothing.
 */
#ifndef BRI_DAEMON_KERNEL_H
#define BRI_DAEMON_KERNEL_H

#include "netlink/nl_diag.h"
#include "netlink/nl_pm_event.h"
#include "policy/policy.h"

struct bri_kernel;

/* bri_kernel_open(): of the calling thread's network namespace. Returns 0, -ENOENT (no MPTCP in
 * this kernel), -EPERM (no CAP_NET_ADMIN), or -errno. */
int bri_kernel_open(struct bri_kernel **ret);
void bri_kernel_close(struct bri_kernel *k);

/* bri_kernel_family(): as the kernel told it; valid until bri_kernel_close(). */
const struct bri_nl_pm_family *bri_kernel_family(const struct bri_kernel *k);

/* bri_kernel_events_fd(): becomes readable when the kernel has told something. */
int bri_kernel_events_fd(const struct bri_kernel *k);
/*
 * bri_kernel_receive(): all events that wait, to fn. Returns 0, BRI_NL_MORE, BRI_NL_OVERRUN (events
 * were lost: look at everything), or -errno.
 */
typedef void (*bri_kernel_event_f)(void *context, const struct bri_nl_pm_event *event);
int bri_kernel_receive(struct bri_kernel *k, void *context, bri_kernel_event_f fn);

#define BRI_KERNEL_BATCH 64u

/*
 * bri_kernel_order(): carries out commands that change something, in their order.
 *   n            at most BRI_KERNEL_BATCH
 *   ret_results  0 or the kernel's -errno, of each
 */
void bri_kernel_order(struct bri_kernel *k, const struct bri_policy_command *commands, size_t n,
	int *ret_results);
/* bri_kernel_why(): the kernel's words for the last error, or "". */
const char *bri_kernel_why(const struct bri_kernel *k);

/* bri_kernel_sample(): returns 0, or -ENOENT (no such socket), or -errno. */
int bri_kernel_sample(struct bri_kernel *k, const struct bri_policy_command *command,
	struct bri_policy_sample *ret);

/* bri_kernel_connection(): the MPTCP connection with this token. Returns 0, -ENOENT, -errno. */
int bri_kernel_connection(struct bri_kernel *k, uint32_t token, struct bri_nl_diag *ret);

/* bri_kernel_each(): every MPTCP connection (mptcp) or TCP socket, of both families. The counts of
 * a dump that was interrupted are nearly right. Returns 0 or -errno. */
typedef void (*bri_kernel_socket_f)(void *context, const struct bri_nl_diag *socket);
int bri_kernel_each(struct bri_kernel *k, bool mptcp, void *context, bri_kernel_socket_f fn);

/* The policy's form of addresses. Mapped IPv4 becomes IPv4. */
void bri_kernel_tuple(const struct sockaddr_storage *local, const struct sockaddr_storage *remote,
	struct bri_policy_tuple *ret);

#endif
