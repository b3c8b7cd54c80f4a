/* What the libNetwork server and client share: parameters and content. */
#ifndef BENCH_NETWORK_H
#define BENCH_NETWORK_H

#include <Network/Network.h>
#include "client.h"

/* bench_parameters(): TCP, no delay; multipath, under TLS or under WebSocket when asked for. TLS: a
 * server has a new certificate; a client trusts anyone. */
nw_parameters_t bench_parameters(const struct bench_opts *opts, bool is_server);
/* bench_bulk_content(): BENCH_BUFFER bytes that are not copied. */
dispatch_data_t bench_bulk_content(void);
/* bench_queue(): the one serial queue, or (--queues 0) a new one for each caller. Retained. */
dispatch_queue_t bench_queue(const struct bench_opts *opts);

#endif
