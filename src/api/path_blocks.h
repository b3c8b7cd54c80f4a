/* The block-taking functions of paths, as the library sees them: a block is an address. */
#ifndef BRI_API_PATH_BLOCKS_H
#define BRI_API_PATH_BLOCKS_H

#include "api/object.h"

#pragma GCC visibility push(default)

void nw_path_enumerate_interfaces(nw_path_t path, const void *enumerate_block);
void nw_path_enumerate_gateways(nw_path_t path, const void *enumerate_block);

#pragma GCC visibility pop

#endif
