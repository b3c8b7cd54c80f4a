/* TXT records of Bonjour services: for now only the type. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_TXT_RECORD_H
#define BRAID_NW_TXT_RECORD_H

#include <Network/nw_object.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_txt_record);

BRAID_DECLS_END

#endif
