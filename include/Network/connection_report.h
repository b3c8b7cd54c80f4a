/* Reports: how a connection came about, and what went over each of its paths. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_CONNECTION_REPORT_H
#define BRAID_NW_CONNECTION_REPORT_H

#include <Network/nw_object.h>
#include <Network/connection.h>
#include <Network/endpoint.h>
#include <Network/interface.h>
#include <Network/protocol_options.h>
#include <dispatch/dispatch.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_establishment_report);
NW_OBJECT_DECL(nw_resolution_report);
NW_OBJECT_DECL(nw_data_transfer_report);

/*!
 * @typedef nw_report_resolution_source_t
 * @abstract Where addresses came from.
 */
typedef enum {
	nw_report_resolution_source_query = 1,
	nw_report_resolution_source_cache = 2,
	nw_report_resolution_source_expired_cache = 3,
} nw_report_resolution_source_t;

/*!
 * @typedef nw_report_resolution_protocol_t
 * @abstract How the name server was asked.
 */
typedef enum {
	nw_report_resolution_protocol_unknown = 0,
	nw_report_resolution_protocol_udp = 1,
	nw_report_resolution_protocol_tcp = 2,
	nw_report_resolution_protocol_tls = 3,
	nw_report_resolution_protocol_https = 4,
} nw_report_resolution_protocol_t;

/*!
 * @typedef nw_data_transfer_report_state_t
 * @abstract Numbers are there once collected.
 */
typedef enum {
	nw_data_transfer_report_state_collecting = 1,
	nw_data_transfer_report_state_collected = 2,
} nw_data_transfer_report_state_t;

#ifdef __BLOCKS__
/*!
 * @typedef nw_establishment_report_access_block_t
 * @param report Borrowed; NULL when the connection never was ready.
 */
typedef void (^nw_establishment_report_access_block_t)(nw_establishment_report_t _Nullable report);
/*!
 * @typedef nw_report_resolution_enumerator_t
 * @param milliseconds How long resolving took.
 * @param endpoint_count How many addresses came.
 * @param successful_endpoint The address connected to.
 * @param preferred_endpoint The address tried first.
 * @result False stops.
 */
typedef bool (^nw_report_resolution_enumerator_t)(nw_report_resolution_source_t source,
	uint64_t milliseconds, uint32_t endpoint_count, nw_endpoint_t successful_endpoint,
	nw_endpoint_t preferred_endpoint);
/*!
 * @typedef nw_report_resolution_report_enumerator_t
 * @result False stops. The argument is borrowed.
 */
typedef bool (^nw_report_resolution_report_enumerator_t)(nw_resolution_report_t resolution_report);
/*!
 * @typedef nw_report_protocol_enumerator_t
 * @param handshake_rtt_milliseconds Round trip time seen in the handshake.
 * @result False stops.
 */
typedef bool (^nw_report_protocol_enumerator_t)(nw_protocol_definition_t protocol,
	uint64_t handshake_milliseconds, uint64_t handshake_rtt_milliseconds);
/*!
 * @typedef nw_data_transfer_report_collect_block_t
 * @param report Borrowed, collected.
 */
typedef void (^nw_data_transfer_report_collect_block_t)(nw_data_transfer_report_t report);
#endif

/* the same for programs without blocks: function types, context first */
typedef void (*nw_establishment_report_access_f)(
	void *_Nullable context, nw_establishment_report_t _Nullable report);
typedef bool (*nw_report_resolution_enumerator_f)(void *_Nullable context,
	nw_report_resolution_source_t source, uint64_t milliseconds, uint32_t endpoint_count,
	nw_endpoint_t successful_endpoint, nw_endpoint_t preferred_endpoint);
typedef bool (*nw_report_resolution_report_enumerator_f)(
	void *_Nullable context, nw_resolution_report_t resolution_report);
typedef bool (*nw_report_protocol_enumerator_f)(void *_Nullable context,
	nw_protocol_definition_t protocol, uint64_t handshake_milliseconds,
	uint64_t handshake_rtt_milliseconds);
/* named _handler_f, since the function that takes it is called nw_data_transfer_report_collect_f */
typedef void (*nw_data_transfer_report_collect_handler_f)(
	void *_Nullable context, nw_data_transfer_report_t report);

/*!
 * @const NW_ALL_PATHS
 * @abstract As path index: counters are sums over all paths; round trip times, interface and radio
 *   are the primary path's.
 */
#define NW_ALL_PATHS (_nw_data_transfer_report_all_paths)
extern const uint32_t _nw_data_transfer_report_all_paths;

#ifdef __BLOCKS__
/*!
 * @function nw_connection_access_establishment_report
 * @abstract Calls the block once, on the queue, when the connection is ready (with the report) or
 *   has ended without ever being so (with NULL).
 * @param queue Retained.
 * @param access_block Copied.
 */
void nw_connection_access_establishment_report(nw_connection_t connection, dispatch_queue_t queue,
	nw_establishment_report_access_block_t access_block);
#endif
/*!
 * @function nw_connection_access_establishment_report_f
 * @abstract As above, with a function.
 * @param destroy Called once afterwards; may be NULL.
 */
void nw_connection_access_establishment_report_f(nw_connection_t connection, dispatch_queue_t queue,
	void *_Nullable context, nw_establishment_report_access_f access,
	nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_establishment_report_get_duration_milliseconds
 * @result From the start of the attempt that succeeded to ready.
 */
uint64_t nw_establishment_report_get_duration_milliseconds(nw_establishment_report_t report);

/*!
 * @function nw_establishment_report_get_attempt_started_after_milliseconds
 * @result From nw_connection_start() to the start of that attempt; 0 unless it had to wait.
 */
uint64_t nw_establishment_report_get_attempt_started_after_milliseconds(
	nw_establishment_report_t report);

/*!
 * @function nw_establishment_report_get_previous_attempt_count
 * @result How many attempts failed before.
 */
uint32_t nw_establishment_report_get_previous_attempt_count(nw_establishment_report_t report);

/*!
 * @function nw_establishment_report_get_used_proxy
 * @result Whether the connection goes through a proxy.
 */
bool nw_establishment_report_get_used_proxy(nw_establishment_report_t report);

/*!
 * @function nw_establishment_report_get_proxy_configured
 * @result Whether a proxy was configured for it.
 */
bool nw_establishment_report_get_proxy_configured(nw_establishment_report_t report);

/*!
 * @function nw_establishment_report_copy_proxy_endpoint
 * @result +1 the proxy in use, NULL when none is.
 */
NW_RETURNS_RETAINED nw_endpoint_t _Nullable nw_establishment_report_copy_proxy_endpoint(
	nw_establishment_report_t report);

#ifdef __BLOCKS__
/*!
 * @function nw_establishment_report_enumerate_resolutions
 * @abstract Calls the block for each name resolution, in order, inside this call.
 */
void nw_establishment_report_enumerate_resolutions(nw_establishment_report_t report,
	NW_NOESCAPE nw_report_resolution_enumerator_t enumerate_block);
/*!
 * @function nw_establishment_report_enumerate_resolution_reports
 * @abstract As above, with an object for each.
 */
void nw_establishment_report_enumerate_resolution_reports(nw_establishment_report_t report,
	NW_NOESCAPE nw_report_resolution_report_enumerator_t enumerate_block);
/*!
 * @function nw_establishment_report_enumerate_protocols
 * @abstract Calls the block for each protocol with a handshake, in order of completion, inside
 *   this call.
 */
void nw_establishment_report_enumerate_protocols(nw_establishment_report_t report,
	NW_NOESCAPE nw_report_protocol_enumerator_t enumerate_block);
#endif
/*!
 * @function nw_establishment_report_enumerate_resolutions_f
 * @abstract As above, with a function, inside this call.
 */
void nw_establishment_report_enumerate_resolutions_f(nw_establishment_report_t report,
	void *_Nullable context, nw_report_resolution_enumerator_f enumerate);
/*!
 * @function nw_establishment_report_enumerate_resolution_reports_f
 * @abstract As above, with a function, inside this call.
 */
void nw_establishment_report_enumerate_resolution_reports_f(nw_establishment_report_t report,
	void *_Nullable context, nw_report_resolution_report_enumerator_f enumerate);
/*!
 * @function nw_establishment_report_enumerate_protocols_f
 * @abstract As above, with a function, inside this call.
 */
void nw_establishment_report_enumerate_protocols_f(nw_establishment_report_t report,
	void *_Nullable context, nw_report_protocol_enumerator_f enumerate);

/*!
 * @function nw_resolution_report_get_source
 * @result Where the addresses came from.
 */
nw_report_resolution_source_t nw_resolution_report_get_source(
	nw_resolution_report_t resolution_report);

/*!
 * @function nw_resolution_report_get_milliseconds
 * @result How long it took.
 */
uint64_t nw_resolution_report_get_milliseconds(nw_resolution_report_t resolution_report);

/*!
 * @function nw_resolution_report_get_endpoint_count
 * @result How many addresses came.
 */
uint32_t nw_resolution_report_get_endpoint_count(nw_resolution_report_t resolution_report);

/*!
 * @function nw_resolution_report_copy_successful_endpoint
 * @result +1 the address connected to.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_resolution_report_copy_successful_endpoint(
	nw_resolution_report_t resolution_report);

/*!
 * @function nw_resolution_report_copy_preferred_endpoint
 * @result +1 the address tried first.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_resolution_report_copy_preferred_endpoint(
	nw_resolution_report_t resolution_report);

/*!
 * @function nw_resolution_report_get_protocol
 * @result How the name server was asked; unknown when none was.
 */
nw_report_resolution_protocol_t nw_resolution_report_get_protocol(
	nw_resolution_report_t resolution_report);

/*!
 * @function nw_connection_create_new_data_transfer_report
 * @abstract Begins to count, now or when the connection gets ready. May be called many times.
 * @result +1, nw_release() it. NULL for NULL.
 */
NW_RETURNS_RETAINED nw_data_transfer_report_t nw_connection_create_new_data_transfer_report(
	nw_connection_t connection);

/*!
 * @function nw_data_transfer_report_get_state
 * @result Collecting, or collected: then the numbers below are there; before they are 0.
 */
nw_data_transfer_report_state_t nw_data_transfer_report_get_state(nw_data_transfer_report_t report);

#ifdef __BLOCKS__
/*!
 * @function nw_data_transfer_report_collect
 * @abstract Ends the counting and calls the block once, on the queue. A connection's end collects
 *   by itself.
 * @param queue Retained.
 * @param collect_block Copied.
 */
void nw_data_transfer_report_collect(nw_data_transfer_report_t report, dispatch_queue_t queue,
	nw_data_transfer_report_collect_block_t collect_block);
#endif
/*!
 * @function nw_data_transfer_report_collect_f
 * @abstract As above, with a function.
 * @param destroy Called once afterwards; may be NULL.
 */
void nw_data_transfer_report_collect_f(nw_data_transfer_report_t report, dispatch_queue_t queue,
	void *_Nullable context, nw_data_transfer_report_collect_handler_f collect,
	nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_data_transfer_report_get_duration_milliseconds
 * @result How long was counted.
 */
uint64_t nw_data_transfer_report_get_duration_milliseconds(nw_data_transfer_report_t report);

/*!
 * @function nw_data_transfer_report_get_path_count
 * @result How many paths: one per Multipath TCP subflow, the first (index 0) the primary.
 */
uint32_t nw_data_transfer_report_get_path_count(nw_data_transfer_report_t report);

/*
 * What follows takes path_index: 0 to the path count - 1, or NW_ALL_PATHS. Out of range gives 0 or
 * NULL. The counters are those of struct tcp_info (linux/tcp.h) and of MPTCP_FULL_INFO
 * (linux/mptcp.h).
 */

/*!
 * @function nw_data_transfer_report_get_received_ip_packet_count
 * @result IP packets received.
 */
uint64_t nw_data_transfer_report_get_received_ip_packet_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_sent_ip_packet_count
 * @result IP packets sent.
 */
uint64_t nw_data_transfer_report_get_sent_ip_packet_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_received_transport_byte_count
 * @result Bytes of transport payload received.
 */
uint64_t nw_data_transfer_report_get_received_transport_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_received_transport_duplicate_byte_count
 * @result Of those, bytes received more than once.
 */
uint64_t nw_data_transfer_report_get_received_transport_duplicate_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_received_transport_out_of_order_byte_count
 * @result Of those, bytes that came out of order.
 */
uint64_t nw_data_transfer_report_get_received_transport_out_of_order_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_sent_transport_byte_count
 * @result Bytes of transport payload sent.
 */
uint64_t nw_data_transfer_report_get_sent_transport_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_sent_transport_retransmitted_byte_count
 * @result Of those, bytes sent again.
 */
uint64_t nw_data_transfer_report_get_sent_transport_retransmitted_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_transport_smoothed_rtt_milliseconds
 * @result Smoothed round trip time (RFC 6298).
 */
uint64_t nw_data_transfer_report_get_transport_smoothed_rtt_milliseconds(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_transport_minimum_rtt_milliseconds
 * @result The lowest round trip time seen.
 */
uint64_t nw_data_transfer_report_get_transport_minimum_rtt_milliseconds(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_transport_rtt_variance
 * @result The variation of the round trip time (RFC 6298), in milliseconds.
 */
uint64_t nw_data_transfer_report_get_transport_rtt_variance(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_received_application_byte_count
 * @result Bytes handed to the application.
 */
uint64_t nw_data_transfer_report_get_received_application_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_sent_application_byte_count
 * @result Bytes taken from the application.
 */
uint64_t nw_data_transfer_report_get_sent_application_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_copy_path_interface
 * @result +1 the interface of the path; NULL when unknown.
 */
NW_RETURNS_RETAINED nw_interface_t nw_data_transfer_report_copy_path_interface(
	nw_data_transfer_report_t report, uint32_t path_index);

/*!
 * @function nw_data_transfer_report_get_path_radio_type
 * @result The radio of the path's interface.
 */
nw_interface_radio_type_t nw_data_transfer_report_get_path_radio_type(
	nw_data_transfer_report_t report, uint32_t path_index);

BRAID_DECLS_END

#endif
