/* Connection groups: for now only the type. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_CONNECTION_GROUP_H
#define BRAID_NW_CONNECTION_GROUP_H

#include <Network/nw_object.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_connection_group);

BRAID_DECLS_END

#endif
