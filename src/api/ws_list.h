/* Names with values, in the order they were added: headers and subprotocols of WebSocket. */
#ifndef BRI_API_WS_LIST_H
#define BRI_API_WS_LIST_H

#include "proto/ws/ws_handshake.h"

/* All zeroes: empty. Strings stay where they are while the list grows. */
struct bri_ws_list {
	struct bri_ws_pair *items;
	size_t n;
};

/* bri_ws_list_add(): copies; value NULL: "". 0 or -ENOMEM. */
int bri_ws_list_add(
	struct bri_ws_list *list, const char *name, size_t name_size, const char *value);
/* bri_ws_list_copy(): ret is written also on failure, and to be ended then too. 0 or -ENOMEM. */
int bri_ws_list_copy(const struct bri_ws_list *list, struct bri_ws_list *ret);
void bri_ws_list_fini(struct bri_ws_list *list);
/* bri_ws_list_has(): a name, in the same case. */
bool bri_ws_list_has(const struct bri_ws_list *list, const char *name, size_t name_size);

#endif
