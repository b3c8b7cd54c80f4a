/*
 * nw_path and nw_interface: immutable pictures of what bri_netstate_evaluate() found, and of one
 * interface. Knows nothing of connections and monitors, which make them.
 */
#ifndef BRI_API_PATH_H
#define BRI_API_PATH_H

#include <net/if.h>
#include "api/object.h"
#include "transport/netstate.h"

struct nw_interface {
	struct bri_object base;
	uint32_t index;
	nw_interface_type_t type;
	char name[IF_NAMESIZE];
};

/* bri_interface_new(): a picture of an interface. name: cut to 15 characters. +1, or NULL: no
 * memory. */
nw_interface_t bri_interface_new(uint32_t index, const char *name, nw_interface_type_t type);
/* bri_interface_from_name(): the interface that now has this name; +1, or NULL: there is none. */
nw_interface_t bri_interface_from_name(const char *name);
/* bri_interface_from_index(): the same by its number. */
nw_interface_t bri_interface_from_index(uint32_t index);

/*
 * bri_path_new(): a picture of an evaluation.
 *   result  copied
 *   local   address in use, or NULL; a reference is taken
 *   remote  address in use, or NULL; a reference is taken
 * Returns +1, or NULL: no memory.
 */
nw_path_t bri_path_new(
	const struct bri_netstate_result *result, nw_endpoint_t local, nw_endpoint_t remote);

/* bri_path_first_index(): index of the preferred interface; 0: none, or path is NULL. */
uint32_t bri_path_first_index(nw_path_t path);

#endif
