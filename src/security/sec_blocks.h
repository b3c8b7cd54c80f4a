/* The block-taking entry points, as the library defines them: a block is a pointer. */
#ifndef BRI_SECURITY_SEC_BLOCKS_H
#define BRI_SECURITY_SEC_BLOCKS_H

#include "security/sec.h"

bool sec_identity_access_certificates(sec_identity_t identity, const void *handler);

#endif
