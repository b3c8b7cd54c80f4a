/* What the API tells of a connection's paths, into an mp_end. Knows nothing of transfers. */
#ifndef BRI_TESTS_MP_LOOK_H
#define BRI_TESTS_MP_LOOK_H

#include "mp_peer.h"

/* mp_look(): subflows and reason as they are now. On the connection's queue. */
void mp_look(nw_connection_t connection, bool is_server, struct mp_end *end);

/* mp_unread(): bytes that have come, in order, and were not received. On the connection's queue. */
uint32_t mp_unread(nw_connection_t connection);

/* mp_copy_report(): of a collected report. */
void mp_copy_report(nw_data_transfer_report_t report, struct mp_report *ret);

#endif
