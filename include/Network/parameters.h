/* Parameters: which protocols a connection or listener uses, over which interfaces, and how. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_PARAMETERS_H
#define BRAID_NW_PARAMETERS_H

#include <Network/nw_object.h>
#include <Network/protocol_options.h>
#include <Network/endpoint.h>
#include <Network/interface.h>
#include <Network/privacy_context.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_parameters);
NW_OBJECT_DECL(nw_protocol_stack);

#ifdef __BLOCKS__
/*!
 * @typedef nw_parameters_configure_protocol_block_t
 * @abstract Sets options of one protocol. Called once, inside the creating call.
 * @param options Borrowed: the live options of the new parameters.
 */
typedef void (^nw_parameters_configure_protocol_block_t)(nw_protocol_options_t options);
/*!
 * @typedef nw_parameters_iterate_interfaces_block_t
 * @result False stops. The argument is borrowed.
 */
typedef bool (^nw_parameters_iterate_interfaces_block_t)(nw_interface_t interface);
/*!
 * @typedef nw_parameters_iterate_interface_types_block_t
 * @result False stops.
 */
typedef bool (^nw_parameters_iterate_interface_types_block_t)(nw_interface_type_t interface_type);
/*!
 * @typedef nw_protocol_stack_iterate_protocols_block_t
 * @abstract The argument is borrowed.
 */
typedef void (^nw_protocol_stack_iterate_protocols_block_t)(nw_protocol_options_t protocol);

#define NW_PARAMETERS_CONFIGURE_PROTOCOL_TYPE_DECL(name)                                           \
	extern const nw_parameters_configure_protocol_block_t                                      \
		_nw_parameters_configure_protocol_##name

/*!
 * @const NW_PARAMETERS_DISABLE_PROTOCOL
 * @abstract In place of a block: leave this protocol out. Compared by pointer, never called.
 */
#define NW_PARAMETERS_DISABLE_PROTOCOL (_nw_parameters_configure_protocol_disable)
NW_PARAMETERS_CONFIGURE_PROTOCOL_TYPE_DECL(disable);

/*!
 * @const NW_PARAMETERS_DEFAULT_CONFIGURATION
 * @abstract In place of a block: this protocol with its defaults. Compared by pointer, never
 *   called.
 */
#define NW_PARAMETERS_DEFAULT_CONFIGURATION                                                        \
	(_nw_parameters_configure_protocol_default_configuration)
NW_PARAMETERS_CONFIGURE_PROTOCOL_TYPE_DECL(default_configuration);
#endif

/* the same for programs without blocks: function types, context first */
typedef void (*nw_parameters_configure_protocol_f)(
	void *_Nullable context, nw_protocol_options_t options);
typedef bool (*nw_parameters_iterate_interfaces_f)(
	void *_Nullable context, nw_interface_t interface);
typedef bool (*nw_parameters_iterate_interface_types_f)(
	void *_Nullable context, nw_interface_type_t interface_type);
typedef void (*nw_protocol_stack_iterate_protocols_f)(
	void *_Nullable context, nw_protocol_options_t protocol);

/*!
 * @const BRAID_DISABLE_PROTOCOL_F
 * @const BRAID_DEFAULT_CONFIGURATION_F
 * @abstract In place of a function: leave the protocol out; take its defaults. Compared, never
 *   called.
 */
#define BRAID_DISABLE_PROTOCOL_F      (braid_disable_protocol_f)
#define BRAID_DEFAULT_CONFIGURATION_F (braid_default_configuration_f)
extern const nw_parameters_configure_protocol_f braid_disable_protocol_f;
extern const nw_parameters_configure_protocol_f braid_default_configuration_f;

/*!
 * @typedef nw_service_class_t
 * @abstract What kind of traffic this is; becomes the DSCP of the packets (RFC 8325, RFC 4594)
 *   where the kernel lets a socket say it.
 */
typedef enum {
	nw_service_class_best_effort = 0,
	nw_service_class_background = 1,
	nw_service_class_interactive_video = 2,
	nw_service_class_interactive_voice = 3,
	nw_service_class_responsive_data = 4,
	nw_service_class_signaling = 5,
} nw_service_class_t;

/*!
 * @typedef nw_multipath_service_t
 * @abstract How a TCP connection uses several paths (Multipath TCP, RFC 8684).
 * @constant nw_multipath_service_disabled One path: plain TCP. The default.
 * @constant nw_multipath_service_handover The cheapest path; others stand by for when it is lost.
 * @constant nw_multipath_service_interactive The path of lowest latency at the time.
 * @constant nw_multipath_service_aggregate All paths at once.
 */
typedef enum {
	nw_multipath_service_disabled = 0,
	nw_multipath_service_handover = 1,
	nw_multipath_service_interactive = 2,
	nw_multipath_service_aggregate = 3,
} nw_multipath_service_t;

/*!
 * @typedef nw_parameters_expired_dns_behavior_t
 * @abstract Whether answers past their time to live may be used.
 */
typedef enum {
	nw_parameters_expired_dns_behavior_default = 0,
	nw_parameters_expired_dns_behavior_allow = 1,
	nw_parameters_expired_dns_behavior_prohibit = 2,
	nw_parameters_expired_dns_behavior_persistent = 3,
} nw_parameters_expired_dns_behavior_t;

/*!
 * @typedef nw_parameters_attribution_t
 * @abstract On whose behalf the traffic is: the program's own, or its user's.
 */
typedef uint8_t nw_parameters_attribution_t;
enum {
	nw_parameters_attribution_developer = 1,
	nw_parameters_attribution_user = 2,
};

#ifdef __BLOCKS__
/*!
 * @function nw_parameters_create_secure_tcp
 * @abstract Parameters for TCP, with or without TLS over it. Each block is called once, inside
 *   this call.
 * @param configure_tls A block, or one of the two constants (disabled: no TLS).
 * @param configure_tcp A block, or NW_PARAMETERS_DEFAULT_CONFIGURATION.
 * @result +1, nw_release() it. NULL (logged) when a block is NULL or TCP is disabled.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_secure_tcp(
	nw_parameters_configure_protocol_block_t configure_tls,
	nw_parameters_configure_protocol_block_t configure_tcp);

/*!
 * @function nw_parameters_create_secure_udp
 * @abstract Parameters for UDP, with or without DTLS over it. As
 *   nw_parameters_create_secure_tcp().
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_secure_udp(
	nw_parameters_configure_protocol_block_t configure_dtls,
	nw_parameters_configure_protocol_block_t configure_udp);

/*!
 * @function nw_parameters_create_custom_ip
 * @abstract Parameters for datagrams of an IP protocol of one's own. Needs CAP_NET_RAW when used.
 * @param custom_ip_protocol_number The protocol number (IANA).
 * @param configure_ip A block, or NW_PARAMETERS_DEFAULT_CONFIGURATION.
 * @result +1, nw_release() it. NULL (logged) when the block is NULL or IP is disabled.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_custom_ip(
	uint8_t custom_ip_protocol_number, nw_parameters_configure_protocol_block_t configure_ip);
#endif
/*!
 * @function nw_parameters_create_secure_tcp_f
 * @abstract As above; both functions are called inside this call.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_secure_tcp_f(void *_Nullable tls_context,
	nw_parameters_configure_protocol_f configure_tls, void *_Nullable tcp_context,
	nw_parameters_configure_protocol_f configure_tcp);
/*!
 * @function nw_parameters_create_secure_udp_f
 * @abstract As above; both functions are called inside this call.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_secure_udp_f(void *_Nullable dtls_context,
	nw_parameters_configure_protocol_f configure_dtls, void *_Nullable udp_context,
	nw_parameters_configure_protocol_f configure_udp);
/*!
 * @function nw_parameters_create_custom_ip_f
 * @abstract As above; the function is called inside this call.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_custom_ip_f(
	uint8_t custom_ip_protocol_number, void *_Nullable ip_context,
	nw_parameters_configure_protocol_f configure_ip);

/*!
 * @function nw_parameters_create
 * @abstract Parameters with IP and no transport; a connection takes them as TCP.
 * @result +1, nw_release() it.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create(void);

/*!
 * @function nw_parameters_create_application_service
 * @abstract Parameters for services found by application name, which Linux does not have.
 * @result +1, nw_release() it.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_create_application_service(void);

/*!
 * @function nw_parameters_copy
 * @abstract A deep copy: options, stack and interfaces of the copy change independently.
 * @result +1, nw_release() it. NULL for NULL.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_parameters_copy(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_privacy_context
 * @param privacy_context Retained.
 */
void nw_parameters_set_privacy_context(
	nw_parameters_t parameters, nw_privacy_context_t privacy_context);

/*!
 * @function nw_parameters_set_attribution
 * @param attribution Default developer.
 */
void nw_parameters_set_attribution(
	nw_parameters_t parameters, nw_parameters_attribution_t attribution);

/*!
 * @function nw_parameters_get_attribution
 * @result What was set; developer by default.
 */
nw_parameters_attribution_t nw_parameters_get_attribution(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_requires_dnssec_validation
 * @param requires_dnssec_validation True: an answer that is not validated is no answer. Default
 *   false.
 */
void nw_parameters_set_requires_dnssec_validation(
	nw_parameters_t parameters, bool requires_dnssec_validation);

/*!
 * @function nw_parameters_requires_dnssec_validation
 * @result What was set; false by default.
 */
bool nw_parameters_requires_dnssec_validation(nw_parameters_t parameters);

/*!
 * @function nw_parameters_require_interface
 * @abstract Only this interface may carry the connection.
 * @param interface Retained; NULL: any.
 */
void nw_parameters_require_interface(
	nw_parameters_t parameters, nw_interface_t _Nullable interface);

/*!
 * @function nw_parameters_copy_required_interface
 * @result +1 the required interface, NULL when any will do.
 */
NW_RETURNS_RETAINED nw_interface_t _Nullable nw_parameters_copy_required_interface(
	nw_parameters_t parameters);

/*!
 * @function nw_parameters_prohibit_interface
 * @abstract This interface may not carry the connection. May be called for several.
 * @param interface Retained.
 */
void nw_parameters_prohibit_interface(nw_parameters_t parameters, nw_interface_t interface);

/*!
 * @function nw_parameters_clear_prohibited_interfaces
 * @abstract Forgets all prohibited interfaces.
 */
void nw_parameters_clear_prohibited_interfaces(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_required_interface_type
 * @param interface_type Only interfaces of this type; `other` (the default): any.
 */
void nw_parameters_set_required_interface_type(
	nw_parameters_t parameters, nw_interface_type_t interface_type);

/*!
 * @function nw_parameters_get_required_interface_type
 * @result The type; `other` when any will do.
 */
nw_interface_type_t nw_parameters_get_required_interface_type(nw_parameters_t parameters);

/*!
 * @function nw_parameters_prohibit_interface_type
 * @param interface_type Interfaces of this type may not carry the connection. May be called for
 *   several.
 */
void nw_parameters_prohibit_interface_type(
	nw_parameters_t parameters, nw_interface_type_t interface_type);

/*!
 * @function nw_parameters_clear_prohibited_interface_types
 * @abstract Forgets all prohibited types.
 */
void nw_parameters_clear_prohibited_interface_types(nw_parameters_t parameters);

#ifdef __BLOCKS__
/*!
 * @function nw_parameters_iterate_prohibited_interfaces
 * @abstract Calls the block for each, inside this call.
 */
void nw_parameters_iterate_prohibited_interfaces(nw_parameters_t parameters,
	NW_NOESCAPE nw_parameters_iterate_interfaces_block_t iterate_block);
/*!
 * @function nw_parameters_iterate_prohibited_interface_types
 * @abstract Calls the block for each, inside this call.
 */
void nw_parameters_iterate_prohibited_interface_types(nw_parameters_t parameters,
	NW_NOESCAPE nw_parameters_iterate_interface_types_block_t iterate_block);
#endif
/*!
 * @function nw_parameters_iterate_prohibited_interfaces_f
 * @abstract As above, with a function, inside this call.
 */
void nw_parameters_iterate_prohibited_interfaces_f(nw_parameters_t parameters,
	void *_Nullable context, nw_parameters_iterate_interfaces_f iterate);
/*!
 * @function nw_parameters_iterate_prohibited_interface_types_f
 * @abstract As above, with a function, inside this call.
 */
void nw_parameters_iterate_prohibited_interface_types_f(nw_parameters_t parameters,
	void *_Nullable context, nw_parameters_iterate_interface_types_f iterate);

/*!
 * @function nw_parameters_set_prohibit_expensive
 * @param prohibit_expensive True: no metered interface. Default false.
 */
void nw_parameters_set_prohibit_expensive(nw_parameters_t parameters, bool prohibit_expensive);
/*!
 * @function nw_parameters_get_prohibit_expensive
 * @result What was set; false by default.
 */
bool nw_parameters_get_prohibit_expensive(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_prohibit_constrained
 * @param prohibit_constrained True: no interface in low-data mode. Default false.
 */
void nw_parameters_set_prohibit_constrained(nw_parameters_t parameters, bool prohibit_constrained);
/*!
 * @function nw_parameters_get_prohibit_constrained
 * @result What was set; false by default.
 */
bool nw_parameters_get_prohibit_constrained(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_allow_ultra_constrained
 * @param allow_ultra_constrained True: links of very little capacity may be used. Default false.
 */
void nw_parameters_set_allow_ultra_constrained(
	nw_parameters_t parameters, bool allow_ultra_constrained);
/*!
 * @function nw_parameters_get_allow_ultra_constrained
 * @result What was set; false by default.
 */
bool nw_parameters_get_allow_ultra_constrained(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_reuse_local_address
 * @param reuse_local_address True: a local address in TIME_WAIT may be taken again (SO_REUSEADDR,
 *   socket(7)). Default false.
 */
void nw_parameters_set_reuse_local_address(nw_parameters_t parameters, bool reuse_local_address);
/*!
 * @function nw_parameters_get_reuse_local_address
 * @result What was set; false by default.
 */
bool nw_parameters_get_reuse_local_address(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_local_endpoint
 * @abstract For a connection the address it is bound to before it connects; for a listener the
 *   address and port it listens on.
 * @param local_endpoint An address endpoint, or a host endpoint that was made from a numeric text;
 *   retained. NULL: the system chooses.
 */
void nw_parameters_set_local_endpoint(
	nw_parameters_t parameters, nw_endpoint_t _Nullable local_endpoint);
/*!
 * @function nw_parameters_copy_local_endpoint
 * @result +1 what was set, NULL when nothing was.
 */
NW_RETURNS_RETAINED nw_endpoint_t _Nullable nw_parameters_copy_local_endpoint(
	nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_include_peer_to_peer
 * @param include_peer_to_peer Also direct device-to-device links. Default false.
 */
void nw_parameters_set_include_peer_to_peer(nw_parameters_t parameters, bool include_peer_to_peer);
/*!
 * @function nw_parameters_get_include_peer_to_peer
 * @result What was set; false by default.
 */
bool nw_parameters_get_include_peer_to_peer(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_fast_open_enabled
 * @param fast_open_enabled True: idempotent content may travel with the handshake. Default false.
 * @discussion In the clear by TCP Fast Open (RFC 7413). Where TLS 1.3 is the highest protocol, as
 * early data (0-RTT, RFC 8446 section 2.3): the first send, when it is marked idempotent and made
 * before nw_connection_start(), as far as a ticket of the server allows it, up to 16 KiB. What the
 * server refuses is sent again in the ordinary way. It goes before the server is judged anew, to
 * one that a former judgement has found good. If the server speaks TLS 1.2 only by now, the
 * connection fails, once (RFC 8446 appendix D.3). Of a listener: its connections take early data,
 * at most 16 KiB, each ClientHello's once. Who copies one can still have it taken by another server
 * with the same tickets. It is received like other content, when the connection is ready.
 */
void nw_parameters_set_fast_open_enabled(nw_parameters_t parameters, bool fast_open_enabled);
/*!
 * @function nw_parameters_get_fast_open_enabled
 * @result What was set; false by default.
 */
bool nw_parameters_get_fast_open_enabled(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_service_class
 * @param service_class Default best effort.
 */
void nw_parameters_set_service_class(nw_parameters_t parameters, nw_service_class_t service_class);
/*!
 * @function nw_parameters_get_service_class
 * @result What was set; best effort by default.
 */
nw_service_class_t nw_parameters_get_service_class(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_multipath_service
 * @abstract Asks for Multipath TCP. A connection whose peer, kernel or network does not have it is
 *   plain TCP; <braid/multipath.h> says which, and why.
 * @param multipath_service Default disabled. Has no effect on other transports than TCP.
 */
void nw_parameters_set_multipath_service(
	nw_parameters_t parameters, nw_multipath_service_t multipath_service);
/*!
 * @function nw_parameters_get_multipath_service
 * @result What was set; disabled by default.
 */
nw_multipath_service_t nw_parameters_get_multipath_service(nw_parameters_t parameters);

/*!
 * @function nw_parameters_copy_default_protocol_stack
 * @result +1 the live stack: the same object each time; changing it changes the parameters. NULL
 *   for NULL.
 */
NW_RETURNS_RETAINED nw_protocol_stack_t nw_parameters_copy_default_protocol_stack(
	nw_parameters_t parameters);

/*!
 * @function nw_protocol_stack_prepend_application_protocol
 * @abstract Puts a protocol on top, nearest to the application.
 * @param protocol Options of the protocol; retained, not copied.
 */
void nw_protocol_stack_prepend_application_protocol(
	nw_protocol_stack_t stack, nw_protocol_options_t protocol);

/*!
 * @function nw_protocol_stack_clear_application_protocols
 * @abstract Takes all protocols above the transport away.
 */
void nw_protocol_stack_clear_application_protocols(nw_protocol_stack_t stack);

#ifdef __BLOCKS__
/*!
 * @function nw_protocol_stack_iterate_application_protocols
 * @abstract Calls the block for each protocol above the transport, from the top, inside this call.
 */
void nw_protocol_stack_iterate_application_protocols(nw_protocol_stack_t stack,
	NW_NOESCAPE nw_protocol_stack_iterate_protocols_block_t iterate_block);
#endif
/*!
 * @function nw_protocol_stack_iterate_application_protocols_f
 * @abstract As above, with a function, inside this call.
 */
void nw_protocol_stack_iterate_application_protocols_f(nw_protocol_stack_t stack,
	void *_Nullable context, nw_protocol_stack_iterate_protocols_f iterate);

/*!
 * @function nw_protocol_stack_copy_transport_protocol
 * @result +1 the live options of the transport, NULL when there is none.
 */
NW_RETURNS_RETAINED nw_protocol_options_t _Nullable nw_protocol_stack_copy_transport_protocol(
	nw_protocol_stack_t stack);

/*!
 * @function nw_protocol_stack_set_transport_protocol
 * @param protocol Options of a transport (TCP, UDP); retained. Others are refused (logged).
 */
void nw_protocol_stack_set_transport_protocol(
	nw_protocol_stack_t stack, nw_protocol_options_t protocol);

/*!
 * @function nw_protocol_stack_copy_internet_protocol
 * @result +1 the live IP options; never NULL for a stack of the functions above.
 */
NW_RETURNS_RETAINED nw_protocol_options_t _Nullable nw_protocol_stack_copy_internet_protocol(
	nw_protocol_stack_t stack);

/*!
 * @function nw_parameters_set_local_only
 * @param local_only True: only peers on the local host or link. Default false.
 */
void nw_parameters_set_local_only(nw_parameters_t parameters, bool local_only);
/*!
 * @function nw_parameters_get_local_only
 * @result What was set; false by default.
 */
bool nw_parameters_get_local_only(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_prefer_no_proxy
 * @param prefer_no_proxy A wish only: go direct where that works. Default false.
 */
void nw_parameters_set_prefer_no_proxy(nw_parameters_t parameters, bool prefer_no_proxy);
/*!
 * @function nw_parameters_get_prefer_no_proxy
 * @result What was set; false by default.
 */
bool nw_parameters_get_prefer_no_proxy(nw_parameters_t parameters);

/*!
 * @function nw_parameters_set_expired_dns_behavior
 * @param expired_dns_behavior Default: the system's.
 */
void nw_parameters_set_expired_dns_behavior(
	nw_parameters_t parameters, nw_parameters_expired_dns_behavior_t expired_dns_behavior);
/*!
 * @function nw_parameters_get_expired_dns_behavior
 * @result What was set.
 */
nw_parameters_expired_dns_behavior_t nw_parameters_get_expired_dns_behavior(
	nw_parameters_t parameters);

BRAID_DECLS_END

#endif
