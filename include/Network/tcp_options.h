/* TCP: options before, metadata after a connection is made. tcp(7), RFC 9293. Options given as 0
 * keep the system's default. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_TCP_OPTIONS_H
#define BRAID_NW_TCP_OPTIONS_H

#include <Network/nw_object.h>
#include <Network/protocol_options.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef nw_multipath_version_t
 * @abstract The version of Multipath TCP: Linux speaks version 1 (RFC 8684) only.
 */
typedef enum {
	nw_multipath_version_unspecified = -1,
	nw_multipath_version_0 = 0,
	nw_multipath_version_1 = 1,
} nw_multipath_version_t;

/*!
 * @function nw_protocol_copy_tcp_definition
 * @result +1 the one definition of TCP of this process.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_copy_tcp_definition(void);

/*!
 * @function nw_tcp_create_options
 * @result +1 options with the defaults, for nw_protocol_stack_set_transport_protocol().
 */
NW_RETURNS_RETAINED nw_protocol_options_t nw_tcp_create_options(void);

/*!
 * @function nw_tcp_options_set_no_delay
 * @param no_delay True: small segments leave at once (TCP_NODELAY). Default false.
 */
void nw_tcp_options_set_no_delay(nw_protocol_options_t options, bool no_delay);

/*!
 * @function nw_tcp_options_set_no_push
 * @param no_push True: only full segments leave, until the end (TCP_CORK). Default false.
 */
void nw_tcp_options_set_no_push(nw_protocol_options_t options, bool no_push);

/*!
 * @function nw_tcp_options_set_no_options
 * @param no_options Handshakes without TCP options; Linux cannot, see docs/api-status.md.
 */
void nw_tcp_options_set_no_options(nw_protocol_options_t options, bool no_options);

/*!
 * @function nw_tcp_options_set_enable_keepalive
 * @param enable_keepalive True: probe an idle connection (SO_KEEPALIVE, RFC 9293 3.8.4). Default
 *   false.
 */
void nw_tcp_options_set_enable_keepalive(nw_protocol_options_t options, bool enable_keepalive);

/*!
 * @function nw_tcp_options_set_keepalive_count
 * @param keepalive_count Unanswered probes until the connection is lost (TCP_KEEPCNT).
 */
void nw_tcp_options_set_keepalive_count(nw_protocol_options_t options, uint32_t keepalive_count);

/*!
 * @function nw_tcp_options_set_keepalive_idle_time
 * @param keepalive_idle_time Seconds of silence before the first probe (TCP_KEEPIDLE).
 */
void nw_tcp_options_set_keepalive_idle_time(
	nw_protocol_options_t options, uint32_t keepalive_idle_time);

/*!
 * @function nw_tcp_options_set_keepalive_interval
 * @param keepalive_interval Seconds between probes (TCP_KEEPINTVL).
 */
void nw_tcp_options_set_keepalive_interval(
	nw_protocol_options_t options, uint32_t keepalive_interval);

/*!
 * @function nw_tcp_options_set_maximum_segment_size
 * @param maximum_segment_size Bytes; a smaller one than the path allows (TCP_MAXSEG).
 */
void nw_tcp_options_set_maximum_segment_size(
	nw_protocol_options_t options, uint32_t maximum_segment_size);

/*!
 * @function nw_tcp_options_set_connection_timeout
 * @param connection_timeout Seconds until an attempt to connect ends with ETIMEDOUT. Timed by the
 *   library.
 */
void nw_tcp_options_set_connection_timeout(
	nw_protocol_options_t options, uint32_t connection_timeout);

/*!
 * @function nw_tcp_options_set_persist_timeout
 * @param persist_timeout Seconds that a peer's window may stay closed (RFC 9293 3.8.6.1).
 */
void nw_tcp_options_set_persist_timeout(nw_protocol_options_t options, uint32_t persist_timeout);

/*!
 * @function nw_tcp_options_set_retransmit_connection_drop_time
 * @param retransmit_connection_drop_time Seconds that sent data may stay unacknowledged before the
 *   connection fails with ETIMEDOUT (TCP_USER_TIMEOUT, RFC 5482).
 */
void nw_tcp_options_set_retransmit_connection_drop_time(
	nw_protocol_options_t options, uint32_t retransmit_connection_drop_time);

/*!
 * @function nw_tcp_options_set_retransmit_fin_drop
 * @param retransmit_fin_drop True: give up after three FINs without answer.
 */
void nw_tcp_options_set_retransmit_fin_drop(
	nw_protocol_options_t options, bool retransmit_fin_drop);

/*!
 * @function nw_tcp_options_set_disable_ack_stretching
 * @param disable_ack_stretching Acknowledge every second segment; Linux decides itself, see
 *   docs/api-status.md.
 */
void nw_tcp_options_set_disable_ack_stretching(
	nw_protocol_options_t options, bool disable_ack_stretching);

/*!
 * @function nw_tcp_options_set_enable_fast_open
 * @param enable_fast_open True: TCP Fast Open (RFC 7413). Default false.
 */
void nw_tcp_options_set_enable_fast_open(nw_protocol_options_t options, bool enable_fast_open);

/*!
 * @function nw_tcp_options_set_disable_ecn
 * @param disable_ecn True: do not negotiate ECN (RFC 3168). Default false: the system's choice.
 */
void nw_tcp_options_set_disable_ecn(nw_protocol_options_t options, bool disable_ecn);

/*!
 * @function nw_tcp_options_set_multipath_force_version
 * @param multipath_force_version Version 0 cannot be had: such a connection is plain TCP.
 */
void nw_tcp_options_set_multipath_force_version(
	nw_protocol_options_t options, nw_multipath_version_t multipath_force_version);

/*!
 * @function nw_protocol_metadata_is_tcp
 * @result True for metadata of TCP. False for NULL, and for options.
 */
bool nw_protocol_metadata_is_tcp(nw_protocol_metadata_t metadata);

/*!
 * @function nw_tcp_get_available_receive_buffer
 * @param metadata Of a ready connection, from nw_connection_copy_protocol_metadata().
 * @result Bytes received by the kernel and not yet read (FIONREAD). 0 when not connected.
 */
uint32_t nw_tcp_get_available_receive_buffer(nw_protocol_metadata_t metadata);

/*!
 * @function nw_tcp_get_available_send_buffer
 * @param metadata Of a ready connection, from nw_connection_copy_protocol_metadata().
 * @result Bytes that the kernel holds and the peer has not acknowledged (SIOCOUTQ). 0 when not
 *   connected.
 */
uint32_t nw_tcp_get_available_send_buffer(nw_protocol_metadata_t metadata);

/*!
 * @function nw_tcp_set_max_pacing_rate
 * @param metadata Of a ready connection.
 * @param max_pacing_rate Bytes per second (SO_MAX_PACING_RATE, socket(7)); UINT64_MAX: no limit.
 * @result 0, or an errno: EINVAL (not TCP metadata), ENOTCONN, EOPNOTSUPP (a Multipath TCP
 *   connection).
 */
int nw_tcp_set_max_pacing_rate(nw_protocol_metadata_t metadata, uint64_t max_pacing_rate);

BRAID_DECLS_END

#endif
