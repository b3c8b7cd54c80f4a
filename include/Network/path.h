/* Paths: immutable pictures of how a destination (or the network) can be reached. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_PATH_H
#define BRAID_NW_PATH_H

#include <Network/nw_object.h>
#include <Network/interface.h>
#include <Network/endpoint.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_path);

/*!
 * @typedef nw_path_status_t
 * @constant nw_path_status_satisfied There is a usable route.
 * @constant nw_path_status_unsatisfied There is none.
 * @constant nw_path_status_satisfiable There is none now, but using it may bring one up.
 */
typedef enum {
	nw_path_status_invalid = 0,
	nw_path_status_satisfied = 1,
	nw_path_status_unsatisfied = 2,
	nw_path_status_satisfiable = 3,
} nw_path_status_t;

/*!
 * @typedef nw_path_unsatisfied_reason_t
 * @abstract Why a path is not satisfied, where policy is the cause.
 */
typedef enum {
	nw_path_unsatisfied_reason_not_available = 0,
	nw_path_unsatisfied_reason_cellular_denied = 1,
	nw_path_unsatisfied_reason_wifi_denied = 2,
	nw_path_unsatisfied_reason_local_network_denied = 3,
	nw_path_unsatisfied_reason_vpn_inactive = 4,
} nw_path_unsatisfied_reason_t;

/*!
 * @typedef nw_link_quality_t
 * @abstract Expected quality of the radio link; unknown where the kernel does not tell.
 */
typedef uint8_t nw_link_quality_t;
enum {
	nw_link_quality_unknown = 0,
	nw_link_quality_minimal = 10,
	nw_link_quality_moderate = 20,
	nw_link_quality_good = 30,
};

#ifdef __BLOCKS__
/*!
 * @typedef nw_path_enumerate_interfaces_block_t
 * @result False stops. The argument is borrowed.
 */
typedef bool (^nw_path_enumerate_interfaces_block_t)(nw_interface_t interface);
/*!
 * @typedef nw_path_enumerate_gateways_block_t
 * @result False stops. The argument is borrowed.
 */
typedef bool (^nw_path_enumerate_gateways_block_t)(nw_endpoint_t gateway);
#endif
/* named _handler_f, since the functions that take them are called nw_path_enumerate_..._f */
typedef bool (*nw_path_enumerate_interfaces_handler_f)(
	void *_Nullable context, nw_interface_t interface);
typedef bool (*nw_path_enumerate_gateways_handler_f)(
	void *_Nullable context, nw_endpoint_t gateway);

/*!
 * @function nw_path_get_status
 * @result The status; invalid for NULL.
 */
nw_path_status_t nw_path_get_status(nw_path_t path);

/*!
 * @function nw_path_get_unsatisfied_reason
 * @result Why the path is unsatisfied; not_available unless policy is the cause.
 */
nw_path_unsatisfied_reason_t nw_path_get_unsatisfied_reason(nw_path_t path);

/*!
 * @function nw_path_get_link_quality
 * @result The quality of the preferred interface's link.
 */
nw_link_quality_t nw_path_get_link_quality(nw_path_t path);

#ifdef __BLOCKS__
/*!
 * @function nw_path_enumerate_interfaces
 * @abstract Calls the block for each interface of the path, the preferred first, inside this call.
 */
void nw_path_enumerate_interfaces(
	nw_path_t path, NW_NOESCAPE nw_path_enumerate_interfaces_block_t enumerate_block);
/*!
 * @function nw_path_enumerate_gateways
 * @abstract Calls the block for the address of each gateway of the path, inside this call.
 */
void nw_path_enumerate_gateways(
	nw_path_t path, NW_NOESCAPE nw_path_enumerate_gateways_block_t enumerate_block);
#endif
/*!
 * @function nw_path_enumerate_interfaces_f
 * @abstract As above, with a function; it is called inside this call.
 */
void nw_path_enumerate_interfaces_f(
	nw_path_t path, void *_Nullable context, nw_path_enumerate_interfaces_handler_f enumerate);
/*!
 * @function nw_path_enumerate_gateways_f
 * @abstract As above, with a function; it is called inside this call.
 */
void nw_path_enumerate_gateways_f(
	nw_path_t path, void *_Nullable context, nw_path_enumerate_gateways_handler_f enumerate);

/*!
 * @function nw_path_is_expensive
 * @result True when the path's preferred interface is metered: cellular, or marked so by the
 *   system.
 */
bool nw_path_is_expensive(nw_path_t path);

/*!
 * @function nw_path_is_constrained
 * @result True when the system asks for little data on the preferred interface.
 */
bool nw_path_is_constrained(nw_path_t path);

/*!
 * @function nw_path_is_ultra_constrained
 * @result True for links of very little capacity, such as satellite messaging.
 */
bool nw_path_is_ultra_constrained(nw_path_t path);

/*!
 * @function nw_path_has_ipv4
 * @result True when IPv4 destinations can be routed.
 */
bool nw_path_has_ipv4(nw_path_t path);

/*!
 * @function nw_path_has_ipv6
 * @result True when IPv6 destinations can be routed.
 */
bool nw_path_has_ipv6(nw_path_t path);

/*!
 * @function nw_path_has_dns
 * @result True when a name server is configured.
 */
bool nw_path_has_dns(nw_path_t path);

/*!
 * @function nw_path_uses_interface_type
 * @param interface_type The type asked for.
 * @result True when an interface of this type is among the path's.
 */
bool nw_path_uses_interface_type(nw_path_t path, nw_interface_type_t interface_type);

/*!
 * @function nw_path_copy_effective_local_endpoint
 * @result +1 the local address in use, NULL when the path is not of an established connection.
 */
NW_RETURNS_RETAINED nw_endpoint_t _Nullable nw_path_copy_effective_local_endpoint(nw_path_t path);

/*!
 * @function nw_path_copy_effective_remote_endpoint
 * @result +1 the remote address in use, NULL when the path is not of an established connection.
 */
NW_RETURNS_RETAINED nw_endpoint_t _Nullable nw_path_copy_effective_remote_endpoint(nw_path_t path);

/*!
 * @function nw_path_is_equal
 * @param other_path Another path.
 * @result True when both say the same. False when either is NULL.
 */
bool nw_path_is_equal(nw_path_t path, nw_path_t other_path);

BRAID_DECLS_END

#endif
