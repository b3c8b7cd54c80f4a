/* The block form of braid/multipath.h, as the library defines it: a block is a pointer. */
#ifndef BRI_API_MULTIPATH_BLOCKS_H
#define BRI_API_MULTIPATH_BLOCKS_H

#include <Network/Network.h>

void braid_connection_enumerate_subflows(nw_connection_t connection, const void *enumerate);

#endif
