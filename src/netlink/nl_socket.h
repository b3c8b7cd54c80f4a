/*
 * A netlink socket: the one file of src/netlink that does I/O. Questions are answered in the call
 * (the kernel answers at once; a deadline bounds it all the same); events are read without waiting.
 * One thread at a time.
 */
#ifndef BRI_NL_SOCKET_H
#define BRI_NL_SOCKET_H

#include "netlink/nl_exchange.h"

struct bri_nl_socket;

/*
 * bri_nl_socket_open(): of the calling thread's network namespace.
 *   protocol  NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_GENERIC
 *   groups    RTMGRP_* mask of events to be told; 0: none
 * Returns 0 or -errno. Freed with bri_nl_socket_close(); NULL is harmless there.
 */
int bri_nl_socket_open(int protocol, uint32_t groups, struct bri_nl_socket **ret);
/* bri_nl_socket_adopt(): around a descriptor that keeps message boundaries; takes it on success.
 * For tests. */
int bri_nl_socket_adopt(int fd, struct bri_nl_socket **ret);
void bri_nl_socket_close(struct bri_nl_socket *sock);
/* bri_nl_socket_fd(): to be watched for EPOLLIN; stays the socket's. */
int bri_nl_socket_fd(const struct bri_nl_socket *sock);

/*
 * bri_nl_socket_join(): be told the events of a multicast group, too (NETLINK_ADD_MEMBERSHIP); for
 * numbers that no mask has room for. Not for a socket that bri_nl_socket_call() is used on: a call
 * passes over the events that come while it waits.
 * Returns 0, or -errno (-EPERM: the group wants a capability; -EINVAL: no such group).
 */
int bri_nl_socket_join(struct bri_nl_socket *sock, uint32_t group);

/*
 * bri_nl_socket_call(): send a request made with NLM_F_ACK or NLM_F_DUMP, give answers to fn until
 * its end. Returns 0; what fn returned, if not 0; the kernel's -errno; BRI_NL_INTERRUPTED (a dump
 * that missed or doubled something: ask again); -ETIMEDOUT, -EBADMSG, -EMSGSIZE, -errno of the
 * socket.
 */
int bri_nl_socket_call(
	struct bri_nl_socket *sock, struct bri_nl_request *req, bri_nl_message_f fn, void *context);

/*
 * bri_nl_socket_dump(): the same, again when it was interrupted, some times.
 *   restart   called before each attempt: forget what fn collected
 * Returns as bri_nl_socket_call(); BRI_NL_INTERRUPTED after the last attempt: what fn has is nearly
 * right.
 */
int bri_nl_socket_dump(struct bri_nl_socket *sock, struct bri_nl_request *req,
	void (*restart)(void *context), bri_nl_message_f fn, void *context);

/*
 * bri_nl_socket_call_many(): send requests made with NLM_F_ACK, many at a time, and collect what
 * the kernel says to each. One that fails does not keep it from the others. Answers that are not
 * acknowledgements are lost.
 *   ret_results   n of them: 0, the kernel's -errno, or BRI_NL_ACK_NONE where it is not known
 *                 whether the kernel did it (its acknowledgement was dropped) or it was not sent
 * Returns 0 (every request has its result), -ENOBUFS (one or more have none; the others do), or as
 * bri_nl_socket_call() (what comes after was not sent). ret_results is written in any case.
 */
int bri_nl_socket_call_many(
	struct bri_nl_socket *sock, struct bri_nl_request *reqs, size_t n, int *ret_results);

/*
 * bri_nl_socket_why(): what the kernel said of the error of the last call (of a call_many: of the
 * last of its errors); "": nothing, or there was none. Valid until the next call.
 */
const char *bri_nl_socket_why(const struct bri_nl_socket *sock);

/*
 * bri_nl_socket_receive(): give all waiting events to fn, without blocking.
 * Returns 0 (nothing waits any more), BRI_NL_MORE (much was read, call again), BRI_NL_OVERRUN
 * (events were lost, and there may be more: read the state, call again), fn's result, or -errno.
 */
int bri_nl_socket_receive(struct bri_nl_socket *sock, bri_nl_message_f fn, void *context);

#endif
