/* nw_interface: the name, number and medium of an interface, as they were when it was seen. */
#include "api/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)BRI_IFTYPE_OTHER == nw_interface_type_other &&
		       (int)BRI_IFTYPE_WIFI == nw_interface_type_wifi &&
		       (int)BRI_IFTYPE_CELLULAR == nw_interface_type_cellular &&
		       (int)BRI_IFTYPE_WIRED == nw_interface_type_wired &&
		       (int)BRI_IFTYPE_LOOPBACK == nw_interface_type_loopback,
	"one numbering of interface types");

static void destroy(struct bri_object *obj)
{
	free(obj);
}

static const struct bri_class interface_class = {
	.name = "nw_interface",
	.kind = BRI_KIND_INTERFACE,
	.destroy = destroy,
};

nw_interface_t bri_interface_new(uint32_t index, const char *name, nw_interface_type_t type)
{
	struct nw_interface *interface = bri_object_new(&interface_class, sizeof(*interface));

	if (!interface)
		return NULL;
	interface->index = index;
	interface->type = type;
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	return interface;
}

static nw_interface_t from_netif(const struct bri_netif *netif)
{
	if (!netif)
		return NULL;
	return bri_interface_new(netif->index, netif->name, (nw_interface_type_t)netif->type);
}

nw_interface_t bri_interface_from_name(const char *name)
{
	struct bri_netstate *state = bri_netstate_get();
	nw_interface_t interface;

	if (!state)
		return NULL;
	interface = from_netif(bri_netstate_by_name(state, name));
	bri_netstate_put(state);
	return interface;
}

nw_interface_t bri_interface_from_index(uint32_t index)
{
	struct bri_netstate *state = bri_netstate_get();
	nw_interface_t interface;

	if (!state)
		return NULL;
	interface = from_netif(bri_netstate_by_index(state, index));
	bri_netstate_put(state);
	return interface;
}

nw_interface_type_t nw_interface_get_type(nw_interface_t interface)
{
	if (!bri_object_check(interface, BRI_KIND_INTERFACE, __func__))
		return nw_interface_type_other;
	return interface->type;
}

const char *nw_interface_get_name(nw_interface_t interface)
{
	if (!bri_object_check(interface, BRI_KIND_INTERFACE, __func__))
		return NULL;
	return interface->name;
}

uint32_t nw_interface_get_index(nw_interface_t interface)
{
	if (!bri_object_check(interface, BRI_KIND_INTERFACE, __func__))
		return 0;
	return interface->index;
}
