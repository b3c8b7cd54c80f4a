/*
 * Interfaces by name. An extension: Apple's API gives interfaces only where it enumerates them.
 */
#ifndef BRAID_INTERFACE_H
#define BRAID_INTERFACE_H

#include <Network/Network.h>

BRAID_DECLS_BEGIN

/*!
 * @function braid_interface_create_with_name
 * @abstract The interface of this name, for nw_parameters_require_interface() and the like.
 * @param name For example "wlan0".
 * @result +1, nw_release() it. NULL (logged) when there is no such interface.
 */
NW_RETURNS_RETAINED nw_interface_t _Nullable braid_interface_create_with_name(const char *name);

BRAID_DECLS_END

#endif
