"""Makes small.xls, a workbook in Excel's older format, byte by byte: `python3 make_xls.py small.xls`. Our own, under the project's licence."""
import struct, sys
rec=lambda k,d=b"": struct.pack("<HH",k,len(d))+d
bof=lambda w: rec(0x809, struct.pack("<HHHHII",0x0600,w,0,0,0,6))
s=lambda t: struct.pack("<HB",len(t),0)+t.encode()
def glob(off):
    g=bof(5)+rec(0x42,struct.pack("<H",1200))+rec(0x22,b"\0\0")
    g+=rec(0x41E,struct.pack("<H",164)+s("yyyy-mm-dd"))
    for fmt in (0,164,2): g+=rec(0xE0,struct.pack("<HHH",0,fmt,0)+bytes(14))
    g+=rec(0x85,struct.pack("<IBB",off,0,0)+b"\x04\0Data")
    g+=rec(0xFC,struct.pack("<II",3,3)+s("day")+s("value")+s("note"))+rec(0x0A)
    return g
off=len(glob(0))
cell=lambda r,c,x=0: struct.pack("<HHH",r,c,x)
sh=bof(0x10)+rec(0x200,struct.pack("<IIHHH",0,6,0,3,0))
for c in range(3): sh+=rec(0xFD,cell(0,c)+struct.pack("<I",c))
for r in range(1,5):
    sh+=rec(0x203,cell(r,0,1)+struct.pack("<d",43900+r))
    sh+=rec(0x27E,cell(r,1,2)+struct.pack("<I",(r*7<<2)|2))
sh+=rec(0xBD,struct.pack("<HH",5,0)+struct.pack("<HI",1,(43905<<2)|2)+struct.pack("<HI",2,(42<<2)|2)+struct.pack("<H",1))
sh+=rec(0x205,cell(5,2)+b"\1\0")
sh+=rec(0x06,cell(4,2,2)+struct.pack("<d",3.5)+struct.pack("<HI",0,0)+struct.pack("<H",3)+b"\x1e\x03\0")
sh+=rec(0x0A)
st=glob(off)+sh
st+=bytes(max(4096,-(-len(st)//512)*512)-len(st))
h=bytearray(512); h[:8]=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"; h[24]=0x3e; h[26]=3; h[28:30]=b"\xfe\xff"; h[30]=9; h[32]=6; h[44]=1
E=0xfffffffe
h[48:52]=struct.pack("<I",1); h[56:60]=struct.pack("<I",4096); h[60:64]=struct.pack("<I",E); h[68:72]=struct.pack("<I",E); h[76:]=b"\xff"*436; h[76:80]=bytes(4)
n=len(st)//512
fat=[0xfffffffd,E]+[i+3 for i in range(n-1)]+[E]; fat+=[0xffffffff]*(128-len(fat))
def entry(name,kind,start,size,child):
    b=bytearray(128); u=name.encode("utf-16-le"); b[:len(u)]=u; b[64:66]=struct.pack("<H",len(u)+2); b[66]=kind; b[67]=1
    b[68:80]=struct.pack("<III",0xffffffff,0xffffffff,child); b[116:124]=struct.pack("<II",start,size); return bytes(b)
d=entry("Root Entry",5,E,0,1)+entry("Workbook",2,2,len(st),0xffffffff)+bytes(256)
open(sys.argv[1],"wb").write(bytes(h)+struct.pack("<128I",*fat)+d+st)
