/*
 * Is this connection multipath (Multipath TCP, RFC 8684), why not, and which subflows has it?
 * An extension: Apple's API has no such questions, but for the paths of a data transfer report.
 */
#ifndef BRAID_MULTIPATH_H
#define BRAID_MULTIPATH_H

#include <Network/Network.h>
#include <net/if.h>
#include <sys/socket.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef braid_multipath_reason_t
 * @abstract Why a connection is, or is not, multipath. New ones may be added at the end.
 * @constant braid_multipath_active It is multipath now.
 * @constant braid_multipath_not_requested The parameters' multipath service is disabled.
 * @constant braid_multipath_not_started It is not yet known: the connection is not established.
 * @constant braid_multipath_not_tcp Only TCP can be multipath.
 * @constant braid_multipath_kernel_too_old socket() said EINVAL: Linux before 5.6.
 * @constant braid_multipath_kernel_not_compiled socket() said EPROTONOSUPPORT: built without
 *   CONFIG_MPTCP.
 * @constant braid_multipath_kernel_disabled socket() said ENOPROTOOPT: net.mptcp.enabled is 0.
 * @constant braid_multipath_not_permitted socket() said EPERM or EACCES: SELinux, seccomp or eBPF
 *   forbids it.
 * @constant braid_multipath_refused The peer, or a middlebox before it, answered without Multipath
 *   TCP.
 * @constant braid_multipath_suspended The kernel has stopped to ask for it in this network
 *   namespace, since such handshakes vanished (net.mptcp.blackhole_timeout, mptcp-sysctl.rst).
 * @constant braid_multipath_fell_back It was multipath at first, and fell back to TCP (options
 *   stripped, a bad checksum).
 * @constant braid_multipath_options_refused An option that the parameters require cannot be had
 *   with it.
 * @constant braid_multipath_failed socket() failed for another cause, or the kernel does not tell.
 * @constant braid_multipath_syn_dropped SYNs that asked for it were lost, a plain one was answered.
 * @constant braid_multipath_client_plain An accepted connection: the client opened plain TCP.
 */
typedef enum {
	braid_multipath_active = 0,
	braid_multipath_not_requested = 1,
	braid_multipath_not_started = 2,
	braid_multipath_not_tcp = 3,
	braid_multipath_kernel_too_old = 4,
	braid_multipath_kernel_not_compiled = 5,
	braid_multipath_kernel_disabled = 6,
	braid_multipath_not_permitted = 7,
	braid_multipath_refused = 8,
	braid_multipath_suspended = 9,
	braid_multipath_fell_back = 10,
	braid_multipath_options_refused = 11,
	braid_multipath_failed = 12,
	braid_multipath_syn_dropped = 13,
	braid_multipath_client_plain = 14,
} braid_multipath_reason_t;

/*!
 * @function braid_connection_is_multipath
 * @abstract Asks the kernel now, not a memory of it: MPTCP_INFO (linux/mptcp.h), TCP_IS_MPTCP
 *   (tcp(7)).
 * @result True when the connection is Multipath TCP. False otherwise, and for NULL. Any thread.
 */
bool braid_connection_is_multipath(nw_connection_t connection);

/*!
 * @function braid_connection_get_multipath_reason
 * @result Why; not_started for NULL. Any thread. After the end of a connection: what held last.
 */
braid_multipath_reason_t braid_connection_get_multipath_reason(nw_connection_t connection);

/*!
 * @function braid_multipath_reason_string
 * @result One line: what it is, and what to do about it. Static, never NULL.
 */
const char *braid_multipath_reason_string(braid_multipath_reason_t reason);

/*!
 * @typedef braid_path_manager_t
 * @abstract Who decides which paths a connection uses. New ones may be added at the end.
 * @constant braid_path_manager_none Nobody: it is not multipath.
 * @constant braid_path_manager_kernel The kernel's path manager, by its endpoints and limits. The
 *   multipath services differ in nothing then, and interfaces that the parameters require or
 *   prohibit hold for the first subflow only. Also when this process has not heard from braidd.
 * @constant braid_path_manager_braidd The daemon braidd: it follows the multipath service, and
 * holds every subflow to the interfaces that the parameters require or prohibit.
 */
typedef enum {
	braid_path_manager_none = 0,
	braid_path_manager_kernel = 1,
	braid_path_manager_braidd = 2,
} braid_path_manager_t;

/*!
 * @function braid_connection_get_path_manager
 * @abstract Who manages the connection's paths now. braidd is told of a connection when it is
 * ready, and of those that there are when it is started, so this may change at any time. An
 * accepted connection is told of if the listener's parameters have a multipath service.
 * @result none before ready, and for NULL. Any thread. After the end of a connection: what held
 *   last.
 */
braid_path_manager_t braid_connection_get_path_manager(nw_connection_t connection);

/*!
 * @function braid_establishment_report_get_path_manager
 * @result Who managed the connection's paths when the report was asked for; braidd answers some
 *   milliseconds after ready. none for NULL. Any thread.
 */
braid_path_manager_t braid_establishment_report_get_path_manager(nw_establishment_report_t report);

/*!
 * @function braid_path_manager_string
 * @result "none", "kernel", "braidd". Static, never NULL.
 */
const char *braid_path_manager_string(braid_path_manager_t manager);

/*!
 * @typedef braid_subflow_state_t
 * @abstract The state of the subflow's TCP (RFC 9293), as the kernel numbers them (tcpi_state).
 */
typedef enum {
	braid_subflow_state_unknown = 0,
	braid_subflow_state_established = 1,
	braid_subflow_state_syn_sent = 2,
	braid_subflow_state_syn_received = 3,
	braid_subflow_state_fin_wait_1 = 4,
	braid_subflow_state_fin_wait_2 = 5,
	braid_subflow_state_time_wait = 6,
	braid_subflow_state_closed = 7,
	braid_subflow_state_close_wait = 8,
	braid_subflow_state_last_ack = 9,
	braid_subflow_state_listen = 10,
	braid_subflow_state_closing = 11,
} braid_subflow_state_t;

/*!
 * @struct braid_subflow
 * @abstract One subflow, as it was when asked. Fields may be added at the end: `size` tells how
 *   many there are.
 */
struct braid_subflow {
	size_t size; /* bytes of this struct that are filled in */
	uint32_t id; /* the same subflow has the same id for the connection's life; 0: unknown */
	uint32_t if_index;         /* the interface that has the local address; 0: unknown */
	char if_name[IF_NAMESIZE]; /* "" : unknown */
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
	braid_subflow_state_t state;
	bool is_initial;   /* the one that the connection began with */
	bool backup;       /* carries data only when no other can */
	bool backup_known; /* whether the kernel told: it does by sock_diag only */
	uint32_t rtt_us;   /* smoothed round trip time, microseconds */
	uint32_t rtt_var_us;
	uint32_t min_rtt_us;
	uint64_t bytes_sent; /* payload, with what was sent again */
	uint64_t bytes_received;
	uint64_t bytes_retransmitted;
};

/*!
 * @typedef braid_subflow_f
 * @param subflow Borrowed for the call.
 */
typedef void (*braid_subflow_f)(void *_Nullable context, const struct braid_subflow *subflow);

/*!
 * @function braid_connection_enumerate_subflows_f
 * @abstract Calls the function for each subflow, the initial one first, inside this call. A
 *   connection of plain TCP has one; one that is not established has none. MPTCP_FULL_INFO or
 *   MPTCP_TCPINFO (linux/mptcp.h).
 */
void braid_connection_enumerate_subflows_f(
	nw_connection_t connection, void *_Nullable context, braid_subflow_f enumerate);
#ifdef __BLOCKS__
/*!
 * @typedef braid_subflow_block_t
 * @param subflow Borrowed for the call.
 */
typedef void (^braid_subflow_block_t)(const struct braid_subflow *subflow);
/*!
 * @function braid_connection_enumerate_subflows
 * @abstract As above, with a block.
 */
void braid_connection_enumerate_subflows(
	nw_connection_t connection, NW_NOESCAPE braid_subflow_block_t enumerate);
#endif

BRAID_DECLS_END

#endif
