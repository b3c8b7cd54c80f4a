/* What `braid run` hands to the wrapper library by the environment. Names only. */
#ifndef BRI_RUN_ENV_H
#define BRI_RUN_ENV_H

#define BRI_ENV_SERVICE "BRAID_SERVICE"     /* none, handover, interactive, aggregate */
#define BRI_ENV_SOCKET  "BRAID_SOCKET"      /* braidd's control socket */
#define BRI_ENV_VERBOSE "BRAID_RUN_VERBOSE" /* where lines go: see say.h */

#define BRI_RUN_IPPROTO_MPTCP 262 /* not in every netinet/in.h */

#endif
