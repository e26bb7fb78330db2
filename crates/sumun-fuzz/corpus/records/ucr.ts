@problemName Toy
@timeStamps false
@univariate false
@classLabel true a b
@data
1.0,2.0:3.0,4.0:a
2.5,?:1,2:b
