/* Network interfaces: immutable names of them, as they were when seen. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_INTERFACE_H
#define BRAID_NW_INTERFACE_H

#include <Network/nw_object.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_interface);

/*!
 * @typedef nw_interface_type_t
 * @abstract The medium. Tunnels and whatever is not recognised are `other`; where the type is a
 *   requirement, `other` means "no requirement".
 */
typedef enum {
	nw_interface_type_other = 0,
	nw_interface_type_wifi = 1,
	nw_interface_type_cellular = 2,
	nw_interface_type_wired = 3,
	nw_interface_type_loopback = 4,
} nw_interface_type_t;

/*!
 * @typedef nw_interface_radio_type_t
 * @abstract The radio technology: 1 to 6 are generations of 802.11, 128 to 136 cellular ones.
 *   `unknown` is the answer where the kernel does not tell.
 */
typedef enum {
	nw_interface_radio_type_unknown = 0,

	nw_interface_radio_type_wifi_b = 1,
	nw_interface_radio_type_wifi_a = 2,
	nw_interface_radio_type_wifi_g = 3,
	nw_interface_radio_type_wifi_n = 4,
	nw_interface_radio_type_wifi_ac = 5,
	nw_interface_radio_type_wifi_ax = 6,

	nw_interface_radio_type_cell_lte = 128,
	nw_interface_radio_type_cell_endc_sub6 = 129,
	nw_interface_radio_type_cell_endc_mmw = 130,
	nw_interface_radio_type_cell_nr_sa_sub6 = 131,
	nw_interface_radio_type_cell_nr_sa_mmw = 132,
	nw_interface_radio_type_cell_wcdma = 133,
	nw_interface_radio_type_cell_gsm = 134,
	nw_interface_radio_type_cell_cdma = 135,
	nw_interface_radio_type_cell_evdo = 136,
} nw_interface_radio_type_t;

/*!
 * @function nw_interface_get_type
 * @param interface An interface.
 * @result Its type; `other` for NULL.
 */
nw_interface_type_t nw_interface_get_type(nw_interface_t interface);

/*!
 * @function nw_interface_get_name
 * @param interface An interface.
 * @result Its name, for example "wlan0". Borrowed: lives as long as the object. NULL for NULL.
 */
const char *nw_interface_get_name(nw_interface_t interface);

/*!
 * @function nw_interface_get_index
 * @param interface An interface.
 * @result The kernel's index of it (as if_nametoindex()); 0 for NULL.
 */
uint32_t nw_interface_get_index(nw_interface_t interface);

BRAID_DECLS_END

#endif
